"""Learn what a host does not understand from what it refuses.

In:  a host's profile, its refusal, the fields that were sent.
Out: a profile under which the same request may pass, and what is different about it.

Only what does not change the meaning of a request is left out; a limit, a stop text or a
temperature never is. A host without tools gets them by prompt.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from agentkit.config.profile import ProviderProfile
from agentkit.errors import ProviderError

DROPPABLE = (
    "stream_options",
    "usage",
    "parallel_tool_calls",
    "seed",
    "random_seed",
    "tool_choice",
)
"""Fields that ask for something agentkit can do without, or checks for itself afterwards."""

_REFUSES_A_FIELD = re.compile(
    r"extra (?:inputs|fields)|extra_forbidden|additional propert|unknown|unrecogni[sz]ed"
    r"|unexpected|not (?:permitted|allowed|supported|support)|unsupported|invalid"
    r"|input should be|no endpoints",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapted:
    """A changed profile; `change` says in words what is different."""

    provider: ProviderProfile
    change: str


def adapt(
    provider: ProviderProfile, error: ProviderError, *, sent: Collection[str]
) -> Adapted | None:
    """Return the profile to try next, or None where the refusal names nothing to leave out.

    Args:
        provider: the profile under which the request was refused.
        error: the refusal.
        sent: the names of the fields at the top of the request's body.
    """
    if error.retry != "change":
        return None
    said = str(error)
    for field in DROPPABLE:
        is_named = re.search(rf"(?<![\w]){field}(?![\w])", said) is not None
        if field in sent and is_named and _REFUSES_A_FIELD.search(said):
            accepts = replace(provider.accepts, omit=provider.accepts.omit | {field})
            return Adapted(
                provider=replace(provider, accepts=accepts), change=f"left out {field!r}"
            )
    if error.kind == "tools_unsupported" and provider.dialect == "openai_chat" and "tools" in sent:
        return Adapted(
            provider=replace(provider, dialect="prompted"), change="offered the tools by prompt"
        )
    return None


class Learned:
    """The profiles that were changed, by host, base URL and model; for a whole process."""

    def __init__(self) -> None:
        self._profiles: dict[tuple[str, str, str], ProviderProfile] = {}

    def recall(self, provider: ProviderProfile, model_id: str) -> ProviderProfile:
        """Return what is known of this host and model: the given profile if nothing is."""
        return self._profiles.get((provider.name, provider.base_url, model_id), provider)

    def remember(self, provider: ProviderProfile, model_id: str) -> None:
        """Keep a changed profile."""
        self._profiles[provider.name, provider.base_url, model_id] = provider


PROCESS = Learned()
"""What this process has learned. The one piece of state that runs share: a host that refuses a
field refuses it for everybody, and each new agent would pay for finding out."""
