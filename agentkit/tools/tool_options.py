"""The options of a tool, in addition to its function.

In:  keyword arguments of `@tool`, `Tool.from_schema` and `Agent.as_tool`.
Out: the fields of a `Tool`, with `ToolAnnotations`; a valid name, `[A-Za-z0-9_.-]{1,128}`, for any.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeAlias, TypedDict, cast

from agentkit.errors import ToolDefinitionError
from agentkit.json_schema import JsonValue
from agentkit.value import dataclass

Decision: TypeAlias = Literal["allow", "ask", "deny"]
"""Whether a call may run, needs approval first, or may not run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAnnotations:
    """What a tool says about its effects; the defaults are MCP's, and assume the worst.

    Attributes:
        read_only_hint: it changes nothing.
        destructive_hint: it may destroy something; only if it is not read-only.
        idempotent_hint: calling it again with the same arguments changes nothing more.
        open_world_hint: it reaches beyond what is known here, such as the web.
    """

    read_only_hint: bool = False
    destructive_hint: bool = True
    idempotent_hint: bool = False
    open_world_hint: bool = True


class _Options(TypedDict, total=False):
    """The options that are fields of `Tool` as they are."""

    title: str | None
    icons: tuple[Mapping[str, JsonValue], ...]
    meta: Mapping[str, JsonValue] | None
    timeout_seconds: float | None
    parallel: bool | None
    approval: Decision
    accepts_repaired: bool
    max_arguments_characters: int
    polls: bool
    max_concurrency: int | None
    concurrency_group: str | None
    find_outcome: Callable[..., object] | None


class ToolOptions(_Options, total=False):
    """The options of a tool; see `Tool`. The last four are hints of `ToolAnnotations`."""

    tags: Iterable[str]
    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool


class ToolFields(_Options):
    """The options as the fields of `Tool` have them."""

    annotations: ToolAnnotations
    tags: frozenset[str]


_HINTS = ("read_only", "destructive", "idempotent", "open_world")


def fields_of(options: ToolOptions) -> ToolFields:
    """Return the fields that options give a tool.

    Raises:
        ToolDefinitionError: an option has a value of another form.
    """
    tags = options.get("tags", ())
    if isinstance(tags, str):
        raise ToolDefinitionError(f"tags={tags!r} is one text; write tags=[{tags!r}].")
    if "annotations" in options:
        raise ToolDefinitionError(
            "A tool takes no annotations=…; give the hints themselves: read_only=True, "
            "destructive=False, idempotent=True, open_world=False."
        )
    given: dict[str, Any] = {**options, "tags": frozenset(tags)}
    hints = {f"{key}_hint": given.pop(key) for key in _HINTS if key in given}
    return cast(ToolFields, {**given, "annotations": ToolAnnotations(**hints)})


QUESTION_TAG = "question"
"""The tag of a tool whose call is a question to a person; see `agentkit.tools.question`."""

MAX_CHARS = 128
_VALID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_OTHER = re.compile(r"[^A-Za-z0-9_.-]+")
_DIGEST_CHARS = 8


def valid_tool_name(name: str) -> str:
    """Return a valid name for `name`, unchanged if it is valid.

    Any other keeps its valid characters and gets a digest, so that `a/b` and `a:b`, names of other
    scripts, and long names with a common beginning stay different. It is the same in every turn
    and on every machine.
    """
    if _VALID.fullmatch(name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:_DIGEST_CHARS]
    readable = _OTHER.sub("_", name)[: MAX_CHARS - _DIGEST_CHARS - 1].strip("_") or "tool"
    return f"{readable}_{digest}"
