"""The model families, and what each of their markers does.

In:  the grammars of `families`.
Out: the markers of all families, and the family or role of each.

To add a family, write its module and add a line to `FAMILIES`. The order only matters for families
that share an opener: those whose calls have a structure of their own come first.
"""

from agentkit.dialect.text_calls.families.deepseek import DEEPSEEK
from agentkit.dialect.text_calls.families.function_tag import FUNCTION_TAG
from agentkit.dialect.text_calls.families.gemma import GEMMA
from agentkit.dialect.text_calls.families.glm import GLM
from agentkit.dialect.text_calls.families.harmony import HARMONY
from agentkit.dialect.text_calls.families.hermes import HERMES
from agentkit.dialect.text_calls.families.invoke_tag import INVOKE_TAG
from agentkit.dialect.text_calls.families.kimi import KIMI_K2
from agentkit.dialect.text_calls.families.kimi_k3 import KIMI_K3
from agentkit.dialect.text_calls.families.llama import LLAMA
from agentkit.dialect.text_calls.families.mistral import MISTRAL
from agentkit.dialect.text_calls.grammar import Family
from agentkit.dialect.text_calls.markers import Marker, Markers, canonical

FAMILIES: tuple[Family, ...] = (
    MISTRAL,
    FUNCTION_TAG,
    INVOKE_TAG,
    GLM,
    HERMES,
    LLAMA,
    DEEPSEEK,
    KIMI_K2,
    KIMI_K3,
    GEMMA,
    HARMONY,
)


def _all(*names: str) -> frozenset[str]:
    return frozenset(map(canonical, names))


OPENERS: dict[str, tuple[Family, ...]] = {
    name: tuple(one for one in FAMILIES if name in _all(*one.openers))
    for name in _all(*[name for one in FAMILIES for name in one.openers])
}
"""The families of each opener, in the order in which they are tried."""

CLOSERS = _all(*[name for one in FAMILIES for name in one.closers])
SPECIAL_TOKENS = _all(*[name for one in FAMILIES for name in one.special_tokens])
RESULT_MARKERS = _all(*[name for one in FAMILIES for name in one.result_markers])
REASONING = {
    canonical(tags.opening): canonical(tags.closing) for one in FAMILIES for tags in one.reasoning
}
"""The closing tag of each opening tag of reasoning."""

REASONING_ENDS = frozenset(REASONING.values())
CHANNEL_STARTS = _all("<|channel|>", "<|start|>")
"""What an answer in messages on channels (Harmony) begins with."""

MARKERS = Markers(
    [
        *OPENERS,
        *CLOSERS,
        *SPECIAL_TOKENS,
        *RESULT_MARKERS,
        *REASONING,
        *REASONING_ENDS,
        *CHANNEL_STARTS,
    ]
)
"""Finds any marker of any family."""

DROPPED = CLOSERS | SPECIAL_TOKENS | REASONING_ENDS
"""Markers without a meaning at the edges of an answer."""


def contains_opener(text: str, start: int = 0) -> bool:
    """Return whether any opener of a call occurs in `text` at or after `start`."""
    found = MARKERS.search(text, start)
    while isinstance(found, Marker):
        if found.name in OPENERS:
            return True
        found = MARKERS.search(text, found.end)
    return False
