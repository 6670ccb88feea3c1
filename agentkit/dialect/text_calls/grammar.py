"""The grammar of one model family's tool calls in text, as data and one function.

In:  what a family writes around its calls.
Out: `Family`; and what its `read` function works with: `Cursor`, `OfferedTools`.

`read` gets a cursor after an opener and returns the calls up to the end of the group, with the
cursor after it. It raises `NotACallError` if something else follows the opener. A call that begins
there and cannot be read to its end is the last one, as a `broken_call`.
"""

import json
import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias

from agentkit.chat import Repair
from agentkit.dialect.lenient_json import LenientJsonError, parse_lenient
from agentkit.dialect.text_calls.markers import match_marker
from agentkit.dialect.tool_call_assembler import CallDraft, short
from agentkit.dialect.tool_names import unwrap_name
from agentkit.json_schema import JsonValue
from agentkit.value import dataclass, record

Schema: TypeAlias = Mapping[str, Any]

MAX_SPACE_CHARS = 400
"""How much white space may separate an opener from its call."""

INCOMPLETE_CALL = (
    "The call of {name!r} was not run. Its arguments cannot be read: the call is incomplete or "
    "malformed. Send it again, complete."
)

_NAME = re.compile(r"[A-Za-z0-9_.\\-]{1,200}(?:::?[A-Za-z0-9_.\\-]{1,200})?")


class NotACallError(Exception):
    """No call of this family follows the opener."""


@record
class OfferedTools:
    """The tools of a request, as a reader of calls needs them.

    Attributes:
        names: wire names and ours.
        schemas: the input schema of each name.
        fits: whether a tool, by name, accepts arguments given as JSON text.
    """

    names: AbstractSet[str]
    schemas: Mapping[str, Schema]
    fits: Callable[[str, str], bool]

    def known(self, name: object) -> str | None:
        """Return the offered name that `name` means, or None."""
        return unwrap_name(name, self.names) if isinstance(name, str) else None

    def schema(self, name: str) -> Schema:
        """Return the input schema of a tool; an empty one for an unknown tool."""
        known = self.known(name)
        return self.schemas.get(known, {}) if known is not None else {}


@dataclass(slots=True)
class Cursor:
    """A position in the text of an answer."""

    text: str
    at: int
    tools: OfferedTools

    @property
    def is_at_end(self) -> bool:
        """Return whether no text is left."""
        return self.at >= len(self.text)

    def starts_with(self, *prefixes: str) -> bool:
        """Return whether one of `prefixes` comes next."""
        return self.text.startswith(prefixes, self.at)

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Return a match that comes next and skip it; None if something else comes."""
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def skip_space(self) -> None:
        """Skip white space."""
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def take(self, *markers: str) -> bool:
        """Skip one of `markers`, in canonical form, after white space; return whether one came."""
        start = self.at
        self.skip_space()
        for marker in markers:
            end = match_marker(self.text, self.at, marker)
            if end is not None:
                self.at = end
                return True
        self.at = start
        return False

    def is_before(self, *markers: str) -> bool:
        """Return whether one of `markers` comes next, after white space."""
        start = self.at
        is_next = self.take(*markers)
        self.at = start
        return is_next

    def name(self) -> str:
        """Return the name that comes next.

        Raises:
            NotACallError: none does.
        """
        found = self.match(_NAME)
        if found is None:
            raise NotACallError
        return found.group()

    def value(self) -> tuple[JsonValue, tuple[Repair, ...]]:
        """Return the JSON value that comes next, read leniently, and its repairs.

        Raises:
            LenientJsonError: there is none, or a number would be rounded by encoding it again.
        """
        found = parse_lenient(self.text, self.at)
        if found.is_lossy:
            raise LenientJsonError("a number would be rounded by encoding it again")
        source = short(self.text[self.at : found.end])
        self.at = found.end
        after = short(json.dumps(found.value, ensure_ascii=False))
        return found.value, tuple(
            Repair(kind=kind, before=source, after=after) for kind in sorted(found.deviations)
        )

    def call(
        self,
        name: str,
        arguments: Mapping[str, JsonValue],
        *,
        repairs: tuple[Repair, ...] = (),
        call_id: str | None = None,
    ) -> CallDraft:
        """Return a call; a name that no tool has is kept, and rejected later with the names."""
        return CallDraft(
            name=self.tools.known(name) or name,
            arguments=json.dumps(arguments, ensure_ascii=False),
            id=call_id,
            repairs=repairs,
        )


Reader: TypeAlias = Callable[[Cursor, str], list[CallDraft]]
"""Reads the calls after an opener, given in canonical form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningTags:
    """What encloses the reasoning of a family."""

    opening: str
    closing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """How one model family writes tool calls; markers in any form, see `markers.canonical`.

    Attributes:
        name: of the family and its formats.
        openers: what begins a group of calls.
        read: reads the calls after an opener.
        closers: what may separate calls and follow the last one.
        special_tokens: tokens of the chat template that no user should see.
        result_markers: what begins a tool result; a model that writes one invents it.
        reasoning: its reasoning tags.
    """

    name: str
    openers: tuple[str, ...] = ()
    read: Reader | None = None
    closers: tuple[str, ...] = ()
    special_tokens: tuple[str, ...] = ()
    result_markers: tuple[str, ...] = ()
    reasoning: tuple[ReasoningTags, ...] = ()


def broken_call(name: str, arguments: str) -> CallDraft:
    """Return a call that cannot be read to its end and must not run."""
    return CallDraft(name=name, arguments=arguments, rejection=INCOMPLETE_CALL.format(name=name))
