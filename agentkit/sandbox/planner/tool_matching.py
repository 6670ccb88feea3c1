"""Find the tool that a sentence is about.

In:  a sentence and the tools on offer.
Out: `Match`es, best first, each with the arguments the sentence gives for that tool.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache

from agentkit.sandbox.planner.argument_filling import Filling, fill
from agentkit.sandbox.planner.mentions import Mention, find_mentions, mask
from agentkit.sandbox.planner.sentence import Scene
from agentkit.sandbox.planner.tool_knowledge import KnownTool
from agentkit.sandbox.planner.words import stems, widen
from agentkit.value import dataclass

_TELLING = frozenset({"expression", "unit", "sql"})
_LEAST_WORDS = 1.5
_LEAST_FOR_ASKING = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """How well one tool fits one sentence.

    Attributes:
        words: how much of the sentence is in the tool's own words.
        score: that, and how surely its arguments were read.
        unused: how many of the things named have no place in the call.
    """

    tool: KnownTool
    filling: Filling
    words: float
    score: float
    unused: int = 0

    @property
    def can_call(self) -> bool:
        """Return whether all that the tool needs was read."""
        return bool(self.filling.arguments)

    @property
    def takes_all(self) -> bool:
        """Return whether everything that the sentence names has its place in the call."""
        return self.can_call and not self.unused

    @property
    def is_meant(self) -> bool:
        """Return whether the sentence really is about this tool."""
        return self.words >= _LEAST_WORDS or bool(self.filling.roles & _TELLING and self.can_call)


@lru_cache(maxsize=256)  # the same question is asked again with every result
def find_matches(text: str, tools: tuple[KnownTool, ...], *, today: date) -> tuple[Match, ...]:
    """Return a match for every tool, best first; the order of the tools decides a tie."""
    mentions = find_mentions(text, today=today)
    hidden = [m for m in mentions if m.kind not in {"name", "unit", "tag", "date", "time"}]
    said = frozenset(stems(mask(text, hidden)))
    if any(mention.kind == "time" for mention in mentions):
        said |= {"tim"}  # "14:30" says time as well as the word does
    shares = Counter(word for t in tools for word, weight in t.weights.items() if weight >= 1)
    matches = [
        _match(tool, said=said, shares=shares, scene=_scene(text, mentions, tool)) for tool in tools
    ]
    return tuple(sorted(matches, key=lambda match: match.score, reverse=True))


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


def _scene(text: str, mentions: tuple[Mention, ...], tool: KnownTool) -> Scene:
    return Scene(text=text, named=mentions, mentions=mentions, tool_text=tool.description)


def _match(
    tool: KnownTool,
    *,
    said: frozenset[str],
    shares: Mapping[str, int],
    scene: Scene,
) -> Match:
    profile = tool.weights
    own = sum(profile.get(word, 0.0) / _rarity(shares, word) for word in said)
    near = sum(
        0.6 * max(profile.get(word, 0.0) for word in alike)
        for one in said
        if one not in profile and (alike := widen([one]))
    )
    words = own + near
    filling = fill(tool, scene)
    unused = len(scene.mentions) - filling.taken
    score = words + filling.strength - 0.5 * unused
    return Match(tool=tool, filling=filling, words=words, score=score, unused=unused)


def _rarity(shares: Mapping[str, int], word: str) -> float:
    """A word that many tools share tells less about each."""
    return 1 + 0.25 * max(0, shares.get(word, 1) - 1)
