"""One verdict of a diagnosis, in words.

In:  what a result shows.
Out: `Finding`.
"""

from typing import Literal, TypeAlias

from agentkit.doctor.probe import ProbeResult
from agentkit.value import dataclass

ProbeVerdict: TypeAlias = Literal["yes", "no", "partly", "unclear", "not asked"]

WRITTEN = "the profile says so from now on"

_MAX_SAID_CHARS = 160
_PREFIXES = ("The host answered with an error ", "The host answered with an error: ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The verdict on one question.

    Attributes:
        question: what was to be found out.
        verdict: `partly` is taken but not done; `unclear` is asked, without a clear answer.
        seen: what the verdict rests on.
        advice: what to do, or what the profile does about it; empty where nothing is needed.
        is_problem: an agent needs this and does not get it.
    """

    question: str
    verdict: ProbeVerdict
    seen: str
    advice: str = ""
    is_problem: bool = False


def no_or_unclear(result: ProbeResult) -> ProbeVerdict:
    """Return the verdict on a request that got no answer."""
    return "no" if result.is_refused else "unclear"


def short_error(result: ProbeResult) -> str:
    """Return the host's words in short."""
    text = result.error_text
    for prefix in _PREFIXES:
        text = text.removeprefix(prefix)
    return text if len(text) <= _MAX_SAID_CHARS else f"{text[:_MAX_SAID_CHARS]}…"
