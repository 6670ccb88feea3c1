"""What the planner knows of a tool, worked out once per tool.

In:  `ToolSpec`s, which arrive anew with every request.
Out: `KnownTool`s: their parameters, the weight of their words, and a check of arguments.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from jsonschema import Draft7Validator
from referencing import Registry
from referencing.exceptions import Unresolvable

from agentkit.chat import ToolSpec
from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.parameters import Slot, read_slots
from agentkit.sandbox.planner.words import stems
from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KnownTool:
    """A tool, read; equal only to itself, since one is kept per tool.

    Attributes:
        weights: the stems of its words; those of its name weigh most.
    """

    name: str
    description: str
    slots: tuple[Slot, ...]
    weights: Mapping[str, float]
    validator: Draft7Validator

    def takes(self, arguments: Mapping[str, JsonValue]) -> bool:
        """Return whether the tool's own schema takes `arguments`; a broken schema takes nothing."""
        try:
            return next(iter(self.validator.iter_errors(dict(arguments))), None) is None
        except (Unresolvable, RecursionError):
            return False


def know(tool: ToolSpec) -> KnownTool:
    """Read a tool, or recall it."""
    return _know(tool.name, tool.description, json.dumps(tool.input_schema))


@lru_cache(maxsize=1024)
def _know(name: str, description: str, schema_text: str) -> KnownTool:
    schema = json.loads(schema_text)
    slots = read_slots(schema)
    return KnownTool(
        name=name,
        description=description,
        slots=slots,
        weights=_weigh(name, description, slots),
        validator=Draft7Validator(schema, registry=Registry()),  # fetches nothing
    )


def _weigh(name: str, description: str, slots: Sequence[Slot]) -> dict[str, float]:
    weights: dict[str, float] = {}
    first, _, rest = re.sub(r"\s+", " ", description).partition(". ")
    parts = [(3.0, name), (1.5, first), (0.75, rest[:600])]
    for slot in slots:
        choices = " ".join(str(choice) for choice in slot.choices)
        parts += [(1.0, slot.name), (1.0, choices), (0.5, slot.about)]
    for weight, text in parts:
        for word in stems(text):
            weights[word] = max(weight, weights.get(word, 0.0))
    return weights
