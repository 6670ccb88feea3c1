"""The families of models: what follows from a model at any provider.

In:  `families.toml` next to this module.
Out: the `FamilyProfile` of a model's id, in any provider's notation.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType

from pydantic import ConfigDict, TypeAdapter

from agentkit.config.profile import ModelProfile, Reasoning, Rules, ToolChoiceForm
from agentkit.value import dataclass

FAMILIES_FILE = Path(__file__).with_name("families.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyProfile:
    """What is known of a family; see `ModelProfile` for all but `names`.

    Attributes:
        names: a regular expression that is found in the lower-case ids of its models.
        context_window_tokens: of the weights; None if its models differ in it.
    """

    names: str
    rules: Rules = "plain"
    context_window_tokens: int | None = None
    reasoning: Reasoning = "none"
    tool_choice: frozenset[ToolChoiceForm] | None = None


_UNKNOWN = FamilyProfile(names="")


@cache
def load_families() -> Mapping[str, FamilyProfile]:
    """Return the families by name; the first that fits a model counts."""
    tables = tomllib.loads(FAMILIES_FILE.read_text(encoding="utf-8"))
    adapter: TypeAdapter[dict[str, FamilyProfile]] = TypeAdapter(
        dict[str, FamilyProfile], config=ConfigDict(extra="forbid", strict=True)
    )
    # As JSON: its lists may become sets while all else stays strict.
    return MappingProxyType(adapter.validate_json(json.dumps(tables)))


@lru_cache(maxsize=256)
def find_family(model_id: str) -> FamilyProfile:
    """Return the family of a model; a plain one without facts if none is known."""
    name = model_id.casefold()
    families = load_families().values()
    return next((each for each in families if re.search(each.names, name)), _UNKNOWN)


def model_of_family(model_id: str) -> ModelProfile:
    """Return the profile of a model that no catalog holds."""
    family = find_family(model_id)
    return ModelProfile(
        family=model_id,
        id=model_id,
        rules=family.rules,
        context_window_tokens=family.context_window_tokens,
        reasoning=family.reasoning,
        tool_choice=family.tool_choice,
    )
