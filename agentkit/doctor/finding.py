"""One finding of a diagnosis, as text.

In:  probe results.
Out: `Finding`.
"""

import re
from typing import Literal, TypeAlias

from agentkit.doctor.probe import ProbeResult
from agentkit.value import dataclass

ProbeVerdict: TypeAlias = Literal["yes", "no", "partly", "unclear", "not asked"]

WRITTEN = "the profile now says so"

_MAX_SAID_CHARS = 160
_PREFIX = re.compile("The (provider|provider) answered with an error:? ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The verdict on one capability.

    Attributes:
        question: which capability was probed.
        verdict: `partly`: accepted but without effect; `unclear`: probed without a clear result.
        seen: the evidence.
        advice: what to do, or what the profile changes; empty if nothing is needed.
        is_problem: an agent needs this capability and it does not work.
    """

    question: str
    verdict: ProbeVerdict
    seen: str
    advice: str = ""
    is_problem: bool = False


def no_or_unclear(result: ProbeResult) -> ProbeVerdict:
    """Return the verdict on a probe that got no answer."""
    return "no" if result.is_refused else "unclear"


def short_error(result: ProbeResult) -> str:
    """Return the error message without our prefix, shortened."""
    text = _PREFIX.sub("", result.error_text, count=1)
    return text if len(text) <= _MAX_SAID_CHARS else f"{text[:_MAX_SAID_CHARS]}…"
