"""Derive from a refusal what a provider does not understand.

In:  the profiles of a provider and a model, a refusal, the fields that were sent.
Out: profiles under which the same request may pass, and what is different about them.

Only fields that do not change the meaning of a request are left out; never a limit, a stop text or
a temperature. A limit is sent under the name that the refusal gives for it, once. A provider
without tools gets them by prompt. A model whose name does not show that it is of the Mistral family
is recognised by the errors of that family's templates.
"""

import re
from collections.abc import Collection
from dataclasses import replace

from agentkit.config.profile import Accepts, ModelProfile, ProviderProfile, other_max_tokens_field
from agentkit.errors import ProviderError
from agentkit.value import dataclass

DROPPABLE = (
    "stream_options",
    "usage",
    "parallel_tool_calls",
    "seed",
    "random_seed",
    "tool_choice",
    "response_format",
)
"""Fields that agentkit can do without, or whose effect it checks for itself afterwards."""

_FIELD_IS_REJECTED = (
    r"extra (?:inputs|fields)|extra_forbidden|additional propert|unknown|unrecogni[sz]ed"
    r"|unexpected|not (?:permitted|allowed|supported|support)|unsupported|invalid"
    r"|input should be|no endpoints"
)
# DeepSeek and Kimi name the field that is missing, Anthropic the block.
_REASONING = r"(?<!\w)(?:reasoning_content|reasoning|thinking)(?!\w)"
_IS_MISSING = r"missing|required|expected|must|pass(?:ed)? back"
_OMITTED_REASONING = "messages.reasoning"
# The texts are those of mistral-common's validator, of La Plateforme, and of `raise_exception` in
# the Hugging Face chat templates of this family (call ids of nine characters, alternating roles).
_MISTRAL_RULES_APPLY = (
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
    """Changed profiles; `change` describes the difference as text."""

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
    """Return the profiles to try next, or None if the refusal names nothing to change.

    Args:
        provider: the profile of the provider under which the request was refused.
        model: the profile of the model, likewise.
        error: the refusal.
        sent: the names of the fields at the top of the request's body.
    """
    if error.retry != "change":
        return None
    text = str(error)
    if model.rules != "mistral" and re.search(_MISTRAL_RULES_APPLY, text, re.IGNORECASE):
        return Downgrade(
            provider=provider,
            model=replace(model, rules="mistral"),
            change="kept the rules of the Mistral family",
        )
    changed = _change_fields(provider.accepts, text, sent)
    if changed is not None:
        accepts, change = changed
        return Downgrade(provider=replace(provider, accepts=accepts), model=model, change=change)
    if error.kind == "tools_unsupported" and provider.dialect == "openai_chat" and "tools" in sent:
        return Downgrade(
            provider=replace(provider, dialect="prompted"),
            model=model,
            change="offered the tools by prompt",
        )
    return None


def _change_fields(
    accepts: Accepts, text: str, sent: Collection[str]
) -> tuple[Accepts, str] | None:
    """Return what a provider accepts that refuses or misses a field, and the change as text."""
    for field in DROPPABLE:
        is_named = re.search(rf"(?<![\w]){field}(?![\w])", text) is not None
        if field in sent and is_named and re.search(_FIELD_IS_REJECTED, text, re.IGNORECASE):
            return replace(accepts, omit=accepts.omit | {field}), f"left out {field!r}"
    reasoning = _change_reasoning(accepts, text)
    if reasoning is not None:
        return reasoning
    limit, other = accepts.max_tokens_field, other_max_tokens_field(accepts)
    if limit in sent and other not in accepts.omit and _asks_for(other, text, limit):
        omit = accepts.omit | {limit}
        return replace(accepts, max_tokens_field=other, omit=omit), f"called the limit {other!r}"
    return None


def _change_reasoning(accepts: Accepts, text: str) -> tuple[Accepts, str] | None:
    """Return the same for the reasoning before a call."""
    if re.search(_REASONING, text, re.IGNORECASE) is None:
        return None
    if accepts.takes_reasoning and re.search(_FIELD_IS_REJECTED, text, re.IGNORECASE):
        omit = accepts.omit | {_OMITTED_REASONING}
        return replace(accepts, takes_reasoning=False, omit=omit), "left reasoning out"
    is_missing = re.search(_IS_MISSING, text, re.IGNORECASE)
    if not is_missing or accepts.takes_reasoning or _OMITTED_REASONING in accepts.omit:
        return None
    return replace(accepts, takes_reasoning=True), "sent reasoning back"


def _asks_for(field: str, text: str, sent: str) -> bool:
    """Return whether a refusal names the field that was sent and the one to send instead."""
    names = (rf"(?<!\w){name}(?!\w)" for name in (field, sent))
    return all(re.search(pattern, text) for pattern in (*names, f"(?i:{_FIELD_IS_REJECTED})"))


class LearnedProfiles:
    """The profiles that were changed, by provider, base URL and model id; for a whole process."""

    def __init__(self) -> None:
        self._profiles: dict[tuple[str, str, str], tuple[ProviderProfile, ModelProfile]] = {}

    def recall(
        self, provider: ProviderProfile, model: ModelProfile
    ) -> tuple[ProviderProfile, ModelProfile]:
        """Return the changed profiles of this model at this provider, else those given."""
        return self._profiles.get(_key(provider, model), (provider, model))

    def remember(self, provider: ProviderProfile, model: ModelProfile) -> None:
        """Keep changed profiles."""
        self._profiles[_key(provider, model)] = provider, model


def _key(provider: ProviderProfile, model: ModelProfile) -> tuple[str, str, str]:
    return provider.name, provider.base_url, model.id


PROCESS_PROFILES = LearnedProfiles()
"""What this process has learned. The only state that runs share: a provider that refuses a field
refuses it in every run, and each new agent would pay for finding out."""
