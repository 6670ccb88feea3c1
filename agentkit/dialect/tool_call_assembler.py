"""Assemble the pieces of tool calls, as providers really send them.

In:  `CallDelta`s, in the order they arrived.
Out: `CallDraft`s: one name, one argument text and perhaps an id each, with what was repaired.

Which call a piece belongs to (all of these were observed):

- A complete call is a call by itself. A new id opens a call; a piece without id and index continues
  the last one.
- An index may be missing (Gemini's OpenAI endpoint), null, the same for all calls (old Ollama), or
  count the pieces; an id may be repeated (LiteLLM) or change with every piece. The rest of the
  evidence counts more than either.
- A name may be repeated with every piece (NVIDIA NIM), or arrive in parts.
- One slot may hold its arguments twice (vLLM's final flush), an empty object before the real one
  (Bedrock gateways), or several calls.

Every character is examined a bounded number of times.
"""

import json
import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import field
from itertools import pairwise

from pydantic_core import SchemaValidator, core_schema

from agentkit.chat import Repair
from agentkit.dialect.base import CallDelta
from agentkit.surrogates import replace_surrogates
from agentkit.value import dataclass, record

SHORT_CHARS = 80
"""How many characters of a value a repair quotes."""

_MAX_NAME_PARTS = 128  # no name is longer; without a bound, each further piece would cost more
_BOUNDARY = re.compile(r"\}\s*\{")
"""Between two objects that were concatenated, and rarely elsewhere."""

_STRUCTURE = re.compile(r'\\.|["{}\[\]]', re.S)
_DECODER = json.JSONDecoder()
_OBJECT = SchemaValidator(core_schema.typed_dict_schema({}))
"""Parses an object without making Python values of it, which takes less than half the time."""


@record
class CallDraft:
    """One assembled call; the name may be unknown, the arguments may not be JSON.

    Attributes:
        rejection: why it must not run, for the model; None for other calls.
    """

    name: str
    arguments: str
    id: str | None = None
    repairs: tuple[Repair, ...] = ()
    rejection: str | None = None


def short(text: str) -> str:
    """Return the start of `text`, for a repair; lone surrogates, not encodable, become `?`."""
    start = text[:SHORT_CHARS].encode("utf-8", "replace").decode()
    return start if len(text) <= SHORT_CHARS else f"{start}…"


def is_json(text: str) -> bool:
    """Return whether `text` is JSON, not strictly."""
    with suppress(ValueError):
        _OBJECT.validate_json(text)  # rejects some of what the other accepts
        return True
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


class ToolCallAssembler:
    """Collects the calls of one answer.

    Args:
        offered: the tool names sent to the provider; they decide between readings of a name.
    """

    def __init__(self, offered: AbstractSet[str]) -> None:
        self._offered = offered
        self._slots: list[_Slot] = []
        self._by_index: dict[int, _Slot] = {}
        self._by_id: dict[str, _Slot] = {}

    def add(self, delta: CallDelta) -> None:
        """Add the next piece."""
        slot = self._slot_for(delta)
        if slot.id is None and delta.id:
            slot.id = delta.id
            self._by_id[delta.id] = slot
        if delta.name and delta.name != slot.name and len(slot.names) < _MAX_NAME_PARTS:
            slot.names.append(delta.name)
        if delta.arguments:
            slot.arguments.append(delta.arguments)
            slot.is_object = slot.is_object or delta.is_object

    @property
    def has_any(self) -> bool:
        """Return whether a call was opened."""
        return bool(self._slots)

    @property
    def are_complete(self) -> bool:
        """Return whether the arguments of each call so far have begun and ended."""
        return all(slot.is_complete for slot in self._slots)

    def drafts(self) -> list[CallDraft]:
        """Return the calls, in the order they were opened."""
        return [draft for slot in self._slots for draft in _finish(slot, self._offered)]

    def _slot_for(self, delta: CallDelta) -> "_Slot":
        """Return the call that `delta` continues, or a new one."""
        slot = None if delta.is_complete else self._continued(delta)
        if slot is None or self._opens_new_call(slot, delta):
            slot = _Slot()
            self._slots.append(slot)
        if delta.index is not None:
            self._by_index[delta.index] = slot
        return slot

    def _continued(self, delta: CallDelta) -> "_Slot | None":
        """Return the call that the index or the id of `delta` points to."""
        last = self._slots[-1] if self._slots else None
        same_id = self._by_id.get(delta.id) if delta.id else None
        if delta.index is None:
            return same_id or last
        if delta.index in self._by_index:
            return self._by_index[delta.index]
        is_nameless = not delta.id and not delta.name
        if last is not None and (is_nameless or (same_id is last and last.is_incomplete)):
            return last  # the index counts pieces, not calls
        return None

    def _opens_new_call(self, slot: "_Slot", delta: CallDelta) -> bool:
        """Return whether `delta` opens a new call although it seems to continue `slot`."""
        has_new_id = bool(delta.id and slot.id and delta.id != slot.id)
        has_new_name = bool(delta.name and delta.name != slot.name)
        if not has_new_id and not has_new_name:
            return False
        if slot.is_complete:
            return bool(slot.names or delta.arguments)  # else the name arrives after the arguments
        if has_new_id and delta.name:
            return not slot.arguments or not delta.arguments or delta.arguments.startswith("{")
        return (
            not has_new_id
            and not slot.arguments
            and slot.name in self._offered
            and delta.name in self._offered
            and f"{slot.name}{delta.name}" not in self._offered
        )


@dataclass(slots=True, eq=False)
class _Slot:
    """One incomplete call."""

    id: str | None = None
    names: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    is_object: bool = False
    _scanned: int = 0
    _depth: int = 0
    _in_text: bool = False
    _escape: str = ""

    @property
    def name(self) -> str:
        """Return the name received so far."""
        return "".join(self.names)

    @property
    def is_complete(self) -> bool:
        """Return whether the arguments so far end with a closed object or list."""
        self._scan()
        return bool(self.arguments) and self._depth <= 0 and not self._in_text

    @property
    def is_incomplete(self) -> bool:
        """Return whether the arguments have begun and not ended."""
        return bool(self.arguments) and not self.is_complete

    def _scan(self) -> None:
        """Count the brackets of the pieces not examined yet."""
        for piece in self.arguments[self._scanned :]:
            text = self._escape + piece
            self._escape = ""
            for found in _STRUCTURE.finditer(text):
                sign = found.group()
                if sign == '"':
                    self._in_text = not self._in_text
                elif not self._in_text and len(sign) == 1:
                    self._depth += 1 if sign in "{[" else -1
            if (len(text) - len(text.rstrip("\\"))) % 2:
                self._escape = "\\"  # it escapes the first character of the next piece
        self._scanned = len(self.arguments)


def _finish(slot: _Slot, offered: AbstractSet[str]) -> Iterator[CallDraft]:
    """Return the calls in a slot: one, or several that were concatenated."""
    name = _join_name(slot.names, offered)
    snapshot = _last_snapshot(slot.arguments)
    if snapshot is not None:
        before = replace_surrogates("".join(slot.arguments))
        texts, repairs = [snapshot], [_repaired("argument_snapshots", before, snapshot)]
    else:
        texts, repairs = split_arguments(replace_surrogates("".join(slot.arguments)))
    if slot.is_object:
        repairs.append(Repair(kind="object_arguments", before="object", after="JSON text"))
    if name != slot.name:
        repairs.append(Repair(kind="joined_name", before=short(slot.name), after=short(name)))
    for position, text in enumerate(texts):
        yield CallDraft(
            name=name,
            arguments=text,
            id=slot.id if position == 0 else None,
            repairs=tuple(repairs) if position == 0 else (),
        )


def _last_snapshot(pieces: Sequence[str]) -> str | None:
    """Return the last piece if each one holds all arguments so far; None if they are parts.

    Some providers send cumulative pieces. Cut anywhere, each begins with the one before it, which
    no part of JSON does after a bracket. Complete objects each hold all fields of the one before.
    """
    if len(pieces) < 2:
        return None
    texts = [replace_surrogates(piece) for piece in pieces if piece.strip()]
    if len(texts) < 2 or not texts[0].lstrip().startswith("{"):
        return None
    if all(later.startswith(earlier) for earlier, later in pairwise(texts)):
        return texts[-1] if texts[-1] != texts[0] else None
    if not all(text.lstrip().startswith("{") for text in texts):
        return None
    try:
        values = [json.loads(text) for text in texts]
    except (ValueError, RecursionError):
        return None
    filled = [value for value in values if value]
    is_growing = all(earlier.items() < later.items() for earlier, later in pairwise(filled))
    return texts[-1] if is_growing and len(filled) > 1 else None


def _join_name(parts: Sequence[str], offered: AbstractSet[str]) -> str:
    """Return the one name that `parts` stand for: joined, cumulative, or escaped."""
    joined = "".join(parts)
    if joined in offered or not parts:
        return joined
    is_growing = all(b.startswith(a) for a, b in pairwise(parts))
    readings = [parts[-1]] if is_growing else []
    readings += [reading.strip().replace("\\_", "_") for reading in (*readings, joined)]
    return next((reading for reading in readings if reading in offered), joined)


def split_arguments(text: str) -> tuple[list[str], list[Repair]]:
    """Return the argument texts in `text`: one, or more if calls were concatenated.

    Empty text means no arguments. An empty object before another is dropped, an object that is
    repeated counts once. Text that is not a sequence of complete objects is returned unchanged.
    """
    stripped = text.strip()
    if not stripped:
        return ["{}"], []
    if not stripped.startswith("{}") and _BOUNDARY.search(stripped) is None:
        return [text], []  # the usual case, without decoding it
    objects, rest = _leading_objects(stripped)
    if len(objects) < 2 and not (objects and not objects[0][1] and rest):
        return [text], []
    real = [one for one in objects if one[1]] if len(objects) > 1 else []
    if rest:
        is_only_led = not real and rest.startswith("{")
        return ([rest], [_repaired("leading_object", text, rest)]) if is_only_led else ([text], [])
    real = real or objects[:1]
    distinct = [part for i, (part, value) in enumerate(real) if i == 0 or value != real[i - 1][1]]
    if len(distinct) > 1:
        return distinct, [_repaired("split_calls", text, f"{len(distinct)} calls")]
    kind = "repeated_arguments" if len(real) > 1 else "leading_object"
    return distinct, [_repaired(kind, text, distinct[0])]


def _leading_objects(text: str) -> tuple[list[tuple[str, dict[str, object]]], str]:
    """Return the complete JSON objects at the start of `text` with their values, and the rest."""
    objects: list[tuple[str, dict[str, object]]] = []
    start = 0
    while text.startswith("{", start):
        try:
            value, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            break
        objects.append((text[start:end], value))
        start = end
        while start < len(text) and text[start].isspace():
            start += 1
    return objects, text[start:]


def _repaired(kind: str, before: str, after: str) -> Repair:
    return Repair(kind=kind, before=short(before), after=short(after))
