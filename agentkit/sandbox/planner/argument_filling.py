"""Fill in the arguments of one tool from one sentence.

In:  a tool, and a `Scene`.
Out: a `Filling`: one or more sets of arguments, or what could not be read.

Arguments that the tool's own schema refuses count as not read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field

from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.parameters import Role, Slot
from agentkit.sandbox.planner.sentence import Reading, Scene
from agentkit.sandbox.planner.tool_knowledge import KnownTool
from agentkit.sandbox.planner.value_parsing import read_all, read_scalar
from agentkit.value import dataclass

_LATE: Mapping[Role, int] = {"place": 1, "name": 2, "word": 2, "long_text": 3}
_LEAST_IF_OPTIONAL: Mapping[Role, float] = {"name": 2.0, "word": 2.0, "long_text": 2.0}
_LEAST_IN_OPTIONAL_ARRAY = 1.5
_MOST_CALLS = 16
_NUMBERS = frozenset({"integer", "number"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """What one tool would be called with.

    Attributes:
        arguments: one set per call; several where the sentence names several things.
        missing: required parameters that could not be read; then there are no arguments.
        partial: what was read, also where something is missing.
        strength: how sure the required values are by their form, summed.
        roles: what kinds of things were surely read.
        taken: how many of the things named are used.
    """

    arguments: tuple[Mapping[str, JsonValue], ...] = ()
    missing: tuple[str, ...] = ()
    partial: Mapping[str, JsonValue] = field(default_factory=dict)
    strength: float = 0.0
    roles: frozenset[Role] = frozenset()
    taken: int = 0


def fill(tool: KnownTool, scene: Scene) -> Filling:
    """Read the arguments of `tool` from `scene`."""
    slots = tool.slots
    pen = _Pen(scene)
    waiting = sorted(slots, key=lambda one: (_LATE.get(one.role, 0), not one.is_required))
    while waiting:
        slot = waiting.pop(0)
        pen.fill(slot, is_alone=not any(_is_rival(slot, other) for other in waiting))
    missing = tuple(s.name for s in slots if s.is_required and s.name not in pen.values)
    ordered = {slot.name: pen.values[slot.name] for slot in slots if slot.name in pen.values}
    sets = () if missing else _spread(ordered, pen)
    valid = tuple(one for one in sets if tool.takes(one))
    return Filling(
        arguments=valid if len(valid) == len(sets) else (),
        missing=missing,
        partial=ordered,
        strength=pen.strength,
        roles=frozenset(pen.roles),
        taken=len(scene.mentions) - len(pen.scene.mentions),
    )


class _Pen:
    """Fills one slot after the other; what one takes is gone for the next."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.values: dict[str, JsonValue] = {}
        self.spread: tuple[str, Sequence[JsonValue]] | None = None
        self.strength = 0.0
        self.roles: set[Role] = set()

    def fill(self, slot: Slot, *, is_alone: bool = True) -> None:
        if slot.shape == "object":
            self._fill_object(slot)
        elif slot.shape == "array":
            self._fill_array(slot)
        else:
            self._fill_scalar(slot, is_alone=is_alone)

    def _fill_scalar(self, slot: Slot, *, is_alone: bool) -> None:
        readings = _read(slot, self.scene)
        if not is_alone:
            readings = readings[:1]  # "3 and 4" are one for each, not both for the first
        if not readings or (len(readings) > 1 and self.spread is not None):
            return  # several here and several there: who goes with whom is not said
        if len(readings) > 1:
            self.spread = (slot.name, [reading.value for reading in readings])
        self.values[slot.name] = readings[0].value
        self._take(slot, readings)

    def _fill_array(self, slot: Slot) -> None:
        if slot.item is None or slot.item.shape in {"array", "object"}:
            return
        least = 0.0 if slot.is_required else _LEAST_IN_OPTIONAL_ARRAY
        readings = [r for r in read_all(slot.item, self.scene) if r.strength >= least]
        if readings:
            self.values[slot.name] = [reading.value for reading in readings]
            self._take(slot.item, readings)

    def _fill_object(self, slot: Slot) -> None:
        """Fill an object as if its fields were parameters; it never makes several calls."""
        inner = _Pen(self.scene)
        inner.spread = ("", ())
        for one in sorted(slot.fields, key=lambda s: (_LATE.get(s.role, 0), not s.is_required)):
            inner.fill(one)
        is_whole = all(f.name in inner.values for f in slot.fields if f.is_required)
        if is_whole and (inner.values or slot.is_required):
            self.values[slot.name] = inner.values
            self.scene, self.strength = inner.scene, self.strength + inner.strength
            self.roles |= inner.roles

    def _take(self, slot: Slot, readings: Sequence[Reading]) -> None:
        self.scene = self.scene.without(readings)
        if slot.is_required:
            self.strength += readings[0].strength
        if readings[0].strength >= 2:
            self.roles.add(slot.role)


def _is_rival(slot: Slot, other: Slot) -> bool:
    """Return whether a required number that is still to be read may be one of those for `slot`."""
    return slot.shape in _NUMBERS and other.shape in _NUMBERS and other.is_required


def _read(slot: Slot, scene: Scene) -> list[Reading]:
    """Read a slot; an optional one is only filled by what is surely meant for it."""
    is_loose = slot.shape == "string" and not slot.choices and not slot.is_required
    least = _LEAST_IF_OPTIONAL.get(slot.role, 0.0) if is_loose else 0.0
    return [reading for reading in read_scalar(slot, scene) if reading.strength >= least]


def _spread(values: Mapping[str, JsonValue], pen: _Pen) -> tuple[Mapping[str, JsonValue], ...]:
    if pen.spread is None or not pen.spread[0]:
        return (values,)
    name, options = pen.spread
    return tuple({**values, name: option} for option in options[:_MOST_CALLS])
