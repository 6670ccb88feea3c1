"""A sentence in which values are looked for, and the values found in it.

In:  text and its mentions.
Out: `Scene`, from which what is taken disappears, and `Reading`.
"""

import re
from collections.abc import Iterable, Sequence

from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.mentions import Kind, Mention
from agentkit.value import dataclass, replace

PREPOSITIONS = "in at for of to from about on with near into by called named titled as between"
_CUE = re.compile(rf"\b({'|'.join(PREPOSITIONS.split())})\s+(?:the\s+|a\s+|an\s+|my\s+)?$", re.I)
_JOINED = re.compile(
    r"\s*(?:,|,?\s*\b(?:and|or)\b|&)\s*(?:(?:in|for|of|at|from|to)\s+)?(?:the\s+)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A value, where it stands (all places, if several), and how sure its form makes it, 0 to 2."""

    value: JsonValue
    start: int
    end: int
    strength: float = 1.0
    also: tuple[tuple[int, int], ...] = ()

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """Return every place in the sentence that the value comes from."""
        return ((self.start, self.end), *self.also)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A sentence in which values are looked for.

    Attributes:
        named: all that the sentence names.
        mentions: what of it is not yet taken by another parameter.
        tool_text: the tool's description and those of its parameters.
        taken: where the readings of other parameters stand.
    """

    text: str
    named: tuple[Mention, ...]
    mentions: tuple[Mention, ...]
    tool_text: str = ""
    taken: tuple[tuple[int, int], ...] = ()

    def without(self, readings: Iterable[Reading]) -> "Scene":
        """Return the scene without the mentions that `readings` took."""
        spans = tuple(span for r in readings for span in r.spans if span[1] > span[0])
        left = tuple(
            m for m in self.mentions if not any(s < m.end and m.start < e for s, e in spans)
        )
        return replace(self, mentions=left, taken=(*self.taken, *spans))

    def of_kind(self, *kinds: Kind) -> list[Mention]:
        """Return the mentions of these kinds, in order."""
        return [mention for mention in self.mentions if mention.kind in kinds]

    def cue(self, start: int) -> str:
        """Return the preposition before a place in the text, or nothing."""
        found = _CUE.search(self.text[:start])
        return found.group(1).lower() if found else ""


def take_group(found: Sequence[Mention], scene: Scene, strength: float) -> list[Reading]:
    """Return the first of `found` and those that stand beside it."""
    group: list[Mention] = []
    for mention in found:
        if group and not _JOINED.fullmatch(scene.text[group[-1].end : mention.start]):
            break
        group.append(mention)
    return [Reading(value=m.text, start=m.start, end=m.end, strength=strength) for m in group]
