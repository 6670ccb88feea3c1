"""Find the tool that a sentence is about.

In:  a sentence and the tools on offer.
Out: `Match`es, best first, each with the arguments the sentence gives for that tool.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from agentkit.chat import ToolSpec
from agentkit.testing.sandbox.fill import Filling, fill
from agentkit.testing.sandbox.mentions import Mention, find_mentions, mask
from agentkit.testing.sandbox.reading import Scene
from agentkit.testing.sandbox.slots import read_slots
from agentkit.testing.sandbox.words import stems, widen

_TELLING = frozenset({"expression", "unit", "sql"})
_LEAST_WORDS = 1.5
_LEAST_FOR_ASKING = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """How well one tool fits one sentence.

    Attributes:
        words: how much of the sentence is in the tool's own words.
        score: that, and how surely its arguments were read.
    """

    tool: ToolSpec
    filling: Filling
    words: float
    score: float

    @property
    def can_call(self) -> bool:
        """Say whether all that the tool needs was read."""
        return bool(self.filling.arguments)

    @property
    def is_meant(self) -> bool:
        """Say whether the sentence really is about this tool."""
        return self.words >= _LEAST_WORDS or bool(self.filling.roles & _TELLING and self.can_call)


def find_matches(text: str, tools: Sequence[ToolSpec], *, today: date) -> list[Match]:
    """Return a match for every tool, best first; the order of the tools decides a tie."""
    mentions = find_mentions(text, today=today)
    hidden = [m for m in mentions if m.kind not in {"name", "unit", "tag", "date", "time"}]
    said = frozenset(stems(mask(text, hidden)))
    profiles = [_profile(tool) for tool in tools]
    shares = Counter(
        word for profile in profiles for word, weight in profile.items() if weight >= 1
    )
    matches = [
        _match(tool, profile, said=said, shares=shares, scene=_scene(text, mentions, tool))
        for tool, profile in zip(tools, profiles, strict=True)
    ]
    return sorted(matches, key=lambda match: match.score, reverse=True)


def choose(matches: Sequence[Match]) -> Match | None:
    """Return the best match that is meant: to call, or to ask back about; None if none is."""
    meant = [match for match in matches if match.is_meant]
    callable_ = next((match for match in meant if match.can_call), None)
    asking = max(
        (match for match in meant if not match.can_call), key=lambda m: m.words, default=None
    )
    if callable_ is None:
        return asking if asking and asking.words >= _LEAST_FOR_ASKING else None
    is_clearer = (
        asking is not None and asking.words > 2 * callable_.words + callable_.filling.strength
    )
    return asking if is_clearer else callable_


def _scene(text: str, mentions: tuple[Mention, ...], tool: ToolSpec) -> Scene:
    return Scene(text=text, mentions=mentions, tool_text=tool.description)


def _match(
    tool: ToolSpec,
    profile: Mapping[str, float],
    *,
    said: frozenset[str],
    shares: Mapping[str, int],
    scene: Scene,
) -> Match:
    own = sum(profile.get(word, 0.0) / _rarity(shares, word) for word in said)
    near = sum(
        0.6 * max(profile.get(word, 0.0) for word in alike) / 1.5
        for one in said
        if one not in profile and (alike := widen([one]))
    )
    words = own + near
    filling = fill(tool, scene)
    unused = len(scene.mentions) - filling.taken
    score = words + filling.strength - 0.5 * unused
    return Match(tool=tool, filling=filling, words=words, score=score)


def _rarity(shares: Mapping[str, int], word: str) -> float:
    """A word that many tools share tells less about each."""
    return 1 + 0.25 * max(0, shares.get(word, 1) - 1)


def _profile(tool: ToolSpec) -> dict[str, float]:
    """Return the stems of a tool's words, each with its weight."""
    weights: dict[str, float] = {}
    first, _, rest = re.sub(r"\s+", " ", tool.description).partition(". ")
    parts = [(3.0, tool.name), (1.5, first), (0.75, rest[:600])]
    for slot in read_slots(tool.input_schema):
        choices = " ".join(str(choice) for choice in slot.choices)
        parts += [(1.0, slot.name), (1.0, choices), (0.5, slot.about)]
    for weight, text in parts:
        for word in stems(text):
            weights[word] = max(weight, weights.get(word, 0.0))
    return weights
