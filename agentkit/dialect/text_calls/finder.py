"""Find tool calls that a provider left in the text of an answer.

In:  the text, the names of the offered tools, a check of arguments.
Out: the text that is really text, and the calls; or nothing, and the text stays as it is.

A call in text begins with a marker, `[TOOL_CALLS]` in any spelling or its cousins of other model
families, or the whole text is nothing but calls in JSON, fenced or not. It counts only if it names
an offered tool. The arguments of the first one have to fit as well, unless the answer begins with
the marker: then it can be nothing else, and the model is told what does not fit. Text after the
calls is what the model dreamt their results to be, and is dropped.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet

from agentkit.chat import Repair
from agentkit.dialect.lenient_json import LenientJsonError, parse_lenient
from agentkit.dialect.text_calls.parser import MARKER, LeakReader
from agentkit.dialect.tool_call_assembler import CallDraft, short
from agentkit.value import dataclass, replace

_MAX_ATTEMPTS = 16
_MAX_DECORATIONS = 3

DECORATION = "*_`>"
"""What Markdown puts before something to make it bold, code or a quotation."""

Fits = Callable[[str, str], bool]
"""Says whether a tool, by name, can be called with arguments, as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """The calls that were found in a text, what stood before them, and what is dropped after."""

    text: str
    calls: tuple[CallDraft, ...]
    dropped: str = ""


def find_leak(text: str, *, offered: AbstractSet[str], fits: Fits) -> Leak | None:
    """Return the calls in `text`, or None where it is text and nothing else.

    Args:
        text: the whole text of an answer.
        offered: the names a provider was given, and ours.
        fits: whether a tool can be called so.
    """
    if not offered or not text:
        return None

    def fits_call(call: CallDraft) -> bool:
        return fits(call.name, call.arguments)

    reader = LeakReader(text, offered)
    marker = None
    # A text may name the marker often; each try may read to the end, so tries are counted.
    for marker, _ in zip(MARKER.finditer(text), range(_MAX_ATTEMPTS), strict=False):
        before = text[: marker.start()]
        before = before[: decoration_start(before)].rstrip()
        calls = reader.after_marker(marker, is_call=fits_call if before else None)
        if calls:
            return _leak(before, calls, text[marker.start() :], dropped=reader.rest)
    if marker is None:
        calls = reader.whole()
        if calls and all(map(fits_call, calls)):
            return _leak("", calls, text)
    return None


def unglue(call: CallDraft, offered: AbstractSet[str]) -> list[CallDraft]:
    """Return a call that a provider read, and those that it left behind its arguments as text."""
    text = call.arguments
    if MARKER.search(text) is None:
        return [call]
    try:
        found = parse_lenient(text)
    except LenientJsonError:
        return [call]
    reader = LeakReader(text, offered)
    more = reader.behind(found.end) if isinstance(found.value, dict) else []
    if not more:
        return [call]
    own = text[: found.end]
    repair = Repair(kind="split_calls", before=short(text), after=short(own))
    return [replace(call, arguments=own, repairs=(*call.repairs, repair)), *more]


def decoration_start(text: str, *, is_attached: bool = False) -> int:
    """Return where at the end of `text` begins what Markdown puts in front of a marker.

    Args:
        text: what stands before the marker.
        is_attached: a word stands right before `text`; the first signs belong to it then.
    """
    start = len(text)
    for _ in range(_MAX_DECORATIONS):
        end = len(text[:start].rstrip())
        bare = len(text[:end].rstrip(DECORATION))
        is_of_a_word = not text[bare - 1].isspace() if bare else is_attached
        if bare == end or is_of_a_word:
            break
        start = bare
    return start


def _leak(before: str, calls: list[CallDraft], source: str, *, dropped: str = "") -> Leak:
    named = tuple(
        replace(
            call,
            repairs=(
                Repair(
                    kind="leaked_text",
                    before=short(source),
                    after=short(f"{call.name}({call.arguments})"),
                ),
                *call.repairs,
            ),
        )
        for call in calls
    )
    return Leak(text=before, calls=named, dropped=dropped)
