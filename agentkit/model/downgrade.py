"""Learn what a provider does not understand from what it refuses.

In:  the profiles of a provider and a model, a refusal, the fields that were sent.
Out: profiles under which the same request may pass, and what is different about them.

Only what does not change the meaning of a request is left out; a limit, a stop text or a
temperature never is. A limit is called by the name that the refusal gives for it, once. A provider
without tools gets them by prompt. A model whose name does not tell that it is of the Mistral
family shows it by what it refuses.
"""

import re
from collections.abc import Collection

from agentkit.config.profile import ModelProfile, ProviderProfile, other_max_tokens_field
from agentkit.errors import ProviderError
from agentkit.value import dataclass, replace

DROPPABLE = (
    "stream_options",
    "usage",
    "parallel_tool_calls",
    "seed",
    "random_seed",
    "tool_choice",
    "response_format",
)
"""Fields that ask for something agentkit can do without, or checks for itself afterwards."""

_REFUSES_A_FIELD = (
    r"extra (?:inputs|fields)|extra_forbidden|additional propert|unknown|unrecogni[sz]ed"
    r"|unexpected|not (?:permitted|allowed|supported|support)|unsupported|invalid"
    r"|input should be|no endpoints"
)
# What mistral-common, La Plateforme and the chat templates of this family say.
_KEEPS_MISTRAL_RULES = (
    r"call[ _]?ids?\b.{0,160}\b(?:length (?:of )?(?:9|nine)\b"
    r"|(?:9|nine)[ -](?:char|letter|alphanum|digit))"
    r"|call[ _]?ids? has to be defined"
    r"|not the same number of function calls and responses"
    r"|unexpected role \W{0,2}\w+\W{0,2} after role"
    r"|expected last role\b.{0,60}\btool"
    r"|must alternate|alternating (?:roles|user)"
    r"|must have either content or tool.?calls"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Downgrade:
    """Changed profiles; `change` says in words what is different."""

    provider: ProviderProfile
    model: ModelProfile
    change: str


def find_downgrade(
    provider: ProviderProfile,
    model: ModelProfile,
    error: ProviderError,
    *,
    sent: Collection[str],
) -> Downgrade | None:
    """Return the profiles to try next, or None where the refusal names nothing to change.

    Args:
        provider: the profile of the provider under which the request was refused.
        model: the profile of the model, likewise.
        error: the refusal.
        sent: the names of the fields at the top of the request's body.
    """
    if error.retry != "change":
        return None
    said = str(error)
    if model.rules != "mistral" and re.search(_KEEPS_MISTRAL_RULES, said, re.IGNORECASE):
        return Downgrade(
            provider=provider,
            model=replace(model, rules="mistral"),
            change="kept the rules of the Mistral family",
        )
    for field in DROPPABLE:
        is_named = re.search(rf"(?<![\w]){field}(?![\w])", said) is not None
        if field in sent and is_named and re.search(_REFUSES_A_FIELD, said, re.IGNORECASE):
            accepts = replace(provider.accepts, omit=provider.accepts.omit | {field})
            return Downgrade(
                provider=replace(provider, accepts=accepts),
                model=model,
                change=f"left out {field!r}",
            )
    limit = provider.accepts.max_tokens_field
    other = other_max_tokens_field(provider.accepts)
    if limit in sent and other not in provider.accepts.omit and _asks_for(other, said, limit):
        omit = provider.accepts.omit | {limit}
        accepts = replace(provider.accepts, max_tokens_field=other, omit=omit)
        return Downgrade(
            provider=replace(provider, accepts=accepts),
            model=model,
            change=f"called the limit {other!r}",
        )
    if error.kind == "tools_unsupported" and provider.dialect == "openai_chat" and "tools" in sent:
        return Downgrade(
            provider=replace(provider, dialect="prompted"),
            model=model,
            change="offered the tools by prompt",
        )
    return None


def _asks_for(field: str, said: str, sent: str) -> bool:
    """Say whether a refusal names what was sent, and what to send in its place."""
    names = (rf"(?<!\w){name}(?!\w)" for name in (field, sent))
    return all(re.search(pattern, said) for pattern in (*names, f"(?i:{_REFUSES_A_FIELD})"))


class LearnedProfiles:
    """The profiles that were changed, by provider, base URL and model id; for a whole process."""

    def __init__(self) -> None:
        self._profiles: dict[tuple[str, str, str], tuple[ProviderProfile, ModelProfile]] = {}

    def recall(
        self, provider: ProviderProfile, model: ModelProfile
    ) -> tuple[ProviderProfile, ModelProfile]:
        """Return what is known of this model at this provider: as given if nothing is."""
        return self._profiles.get(_key(provider, model), (provider, model))

    def remember(self, provider: ProviderProfile, model: ModelProfile) -> None:
        """Keep changed profiles."""
        self._profiles[_key(provider, model)] = provider, model


def _key(provider: ProviderProfile, model: ModelProfile) -> tuple[str, str, str]:
    return provider.name, provider.base_url, model.id


PROCESS_PROFILES = LearnedProfiles()
"""What this process has learned. The one piece of state that runs share: a provider that refuses a
field refuses it for everybody, and each new agent would pay for finding out."""
