"""What is known about a provider so far, and the profile that follows from it.

In:  the original profile, the probe results, the provider's model list.
Out: `Diagnosis`; `observed_profiles`: the profiles that match the results.

A probe without a clear result changes nothing: what was not observed stays as it was.
"""

from collections.abc import Mapping
from dataclasses import field, replace

from agentkit.config.profile import (
    Accepts,
    DialectName,
    ModelProfile,
    ProviderProfile,
    ToolChoiceForm,
    UsageRequest,
    other_max_tokens_field,
)
from agentkit.doctor.model_list import ModelListing, first_known
from agentkit.doctor.probe import ProbeName, ProbeResult
from agentkit.value import dataclass

OTHER_TOOL = "clock"
TOOL = "weather"

CHAT_PROBES: tuple[ProbeName, ...] = ("chat", "chat_other_limit", "chat_below_v1")
CALLING_PROBES: tuple[ProbeName, ...] = ("tools", "auto_and_parallel", "auto", "required", "any")
CHOICES: tuple[ToolChoiceForm, ...] = ("auto", "required", "any", "none", "named")
STREAMS: Mapping[ProbeName, UsageRequest] = {
    "stream_options": "stream_options",
    "usage_include": "usage_include",
    "stream_plain": "always",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What the probes of one provider have shown.

    Attributes:
        provider: the provider's original profile.
        model: the model's original profile.
        results: the probe results, by the probe's name.
        listing: the model's entry in the provider's model list; None if there is no list.
    """

    provider: ProviderProfile
    model: ModelProfile
    results: Mapping[ProbeName, ProbeResult] = field(default_factory=dict)
    listing: ModelListing | None = None

    def add(self, result: ProbeResult) -> "Diagnosis":
        """Return a copy with one more result."""
        return replace(self, results={**self.results, result.name: result})

    def result_of(self, name: ProbeName) -> ProbeResult | None:
        """Return the result of one probe, or None if it was not sent."""
        return self.results.get(name)

    def is_answered(self, name: ProbeName) -> bool:
        """Return whether the provider answered this probe."""
        result = self.result_of(name)
        return result is not None and result.is_answered

    def is_refused(self, name: ProbeName) -> bool:
        """Return whether the provider rejected this probe."""
        result = self.result_of(name)
        return result is not None and result.is_refused

    def is_called(self, name: ProbeName) -> bool:
        """Return whether the provider answered this probe with a native tool call."""
        result = self.result_of(name)
        return result is not None and result.is_answered and bool(result.call_names)

    @property
    def has_chat(self) -> bool:
        """Return whether the provider answers a plain question."""
        return any(self.is_answered(name) for name in CHAT_PROBES)

    @property
    def has_no_chat_path(self) -> bool:
        """Return whether there is no chat endpoint at this address."""
        first = self.result_of("chat")
        return first is not None and first.is_refused and first.status in (404, 405, 501)

    @property
    def has_native_calls(self) -> bool:
        """Return whether any probe got a native tool call."""
        return any(self.is_called(name) for name in (*CALLING_PROBES, "named"))

    @property
    def has_text_call(self) -> bool:
        """Return whether a call came in the text although no prompt asked for that form."""
        return any(
            result.is_text_call for name, result in self.results.items() if name != "prompted"
        )

    @property
    def takes_tools(self) -> bool:
        """Return whether the provider accepts a request with tools, used or not."""
        return self.is_answered("tools")

    @property
    def wants_prompted(self) -> bool:
        """Return whether tools must go into the prompt: rejected, or accepted and never used."""
        if self.has_native_calls or self.has_text_call:
            return False
        return self.is_refused("tools") or (self.takes_tools and self.has_asked_for_calls)

    @property
    def drops_tools(self) -> bool:
        """Return whether tools are accepted and left out of the prompt, as its size shows.

        Some servers do so if the chat template of a model has no tools. A size that is the same for
        every question shows nothing.
        """
        both = [self.result_of("tools"), self.result_of("without_tools")]
        sizes = {each.usage.input_tokens if each and each.has_usage else None for each in both}
        size = sizes.pop()
        if size is None or sizes:
            return False
        others = [self.result_of(name) for name in CHAT_PROBES]
        return any(
            other.usage.input_tokens != size for other in others if other and other.has_usage
        )

    @property
    def has_asked_for_calls(self) -> bool:
        """Return whether every way to get a call was tried."""
        return all(name in self.results for name in ("tools", "required", "named"))

    @property
    def form(self) -> DialectName:
        """Return the dialect of the probes: one with native calls."""
        is_anthropic = self.provider.dialect == "anthropic_messages"
        return "anthropic_messages" if is_anthropic else "openai_chat"


def observed_profiles(diagnosis: Diagnosis) -> tuple[ProviderProfile, ModelProfile]:
    """Return the profiles of provider and model with what was observed."""
    provider = diagnosis.provider
    if diagnosis.is_answered("chat_below_v1") and provider.base_url:
        provider = replace(provider, base_url=f"{provider.base_url}/v1")
    provider = replace(
        provider,
        dialect=_dialect(diagnosis),
        accepts=_accepts(provider.accepts, diagnosis=diagnosis),
    )
    return provider, _model(diagnosis)


def native_profiles(diagnosis: Diagnosis) -> tuple[ProviderProfile, ModelProfile]:
    """Return the profiles to encode the next probes with."""
    provider, model = observed_profiles(diagnosis)
    return replace(provider, dialect=diagnosis.form), model


def respects_choice(diagnosis: Diagnosis, choice: ToolChoiceForm) -> bool | None:
    """Return whether a `tool_choice` value has its effect; None if that was not observed."""
    result = choice_result(diagnosis, choice)
    if result is None:
        return None
    if result.is_refused:
        # Two fields were sent: either may be the one that was rejected.
        return None if result.name == "auto_and_parallel" else False
    if not result.is_answered:
        return None
    return _does(choice, result, named=named_tool(diagnosis))


def named_tool(diagnosis: Diagnosis) -> str:
    """Return the tool to force: not the one that the model calls for this question anyway."""
    free = choice_result(diagnosis, "auto")
    return TOOL if free is not None and OTHER_TOOL in _called(free) else OTHER_TOOL


def choice_result(diagnosis: Diagnosis, choice: ToolChoiceForm) -> ProbeResult | None:
    """Return the result for a `tool_choice` value; for `auto`, preferably the separate probe."""
    if choice == "auto":
        return diagnosis.result_of("auto") or diagnosis.result_of("auto_and_parallel")
    return diagnosis.result_of(choice)


def _does(choice: ToolChoiceForm, result: ProbeResult, *, named: str) -> bool:
    """Return whether an answer complies with this choice."""
    has_call = bool(result.call_names) or result.is_text_call
    match choice:
        case "auto":
            return True
        case "none":
            return not has_call and not result.has_marker
        case "named":
            return _called(result) == {named}
        case "required" | "any":
            return has_call


def _called(result: ProbeResult) -> set[str]:
    """Return the names of the called tools, from the text if there are no native calls."""
    called = set(result.call_names)
    if not called and result.response is not None:
        called = {call.name for call in result.response.message.tool_calls}
    return called


def parallel_is_taken(diagnosis: Diagnosis) -> bool | None:
    """Return whether the provider knows `parallel_tool_calls`; None if not observed.

    Several calls in one answer show it. An answer without them does not: many providers ignore
    fields that they do not know.
    """
    both = diagnosis.result_of("auto_and_parallel")
    if both is None:
        return None
    if both.is_answered:
        return True if len(both.call_names) > 1 else None
    is_the_cause = both.is_refused and diagnosis.is_answered("auto")
    return False if is_the_cause else None


def usage_request(diagnosis: Diagnosis) -> UsageRequest | None:
    """Return how to request usage in a stream; None if no stream was complete."""
    streams = [(how, diagnosis.result_of(name)) for name, how in STREAMS.items()]
    for how, result in streams:
        if result is not None and result.is_answered and result.has_usage:
            return how
    has_tried_plain = diagnosis.is_answered("stream_plain")
    return "never" if has_tried_plain else None


def _dialect(diagnosis: Diagnosis) -> DialectName:
    if not diagnosis.has_chat:
        return "completions" if diagnosis.is_answered("completions") else diagnosis.provider.dialect
    if diagnosis.has_native_calls or diagnosis.has_text_call:
        return diagnosis.form
    if diagnosis.form == "openai_chat" and diagnosis.wants_prompted:
        by_prompt = diagnosis.result_of("prompted")
        works = by_prompt is not None and by_prompt.is_text_call
        if diagnosis.drops_tools and diagnosis.provider.launcher is not None:
            return diagnosis.provider.dialect  # decided for each model when it is launched
        is_better = works or diagnosis.drops_tools or diagnosis.is_refused("tools")
        return "prompted" if is_better else diagnosis.provider.dialect
    return diagnosis.provider.dialect


def _accepts(accepts: Accepts, *, diagnosis: Diagnosis) -> Accepts:
    if diagnosis.is_answered("chat_other_limit"):
        accepts = replace(accepts, max_tokens_field=other_max_tokens_field(accepts))
    choices = set(accepts.tool_choice)
    for choice in CHOICES:
        match respects_choice(diagnosis, choice):
            case True:
                choices.add(choice)
            case False:
                choices.discard(choice)
            case None:
                pass  # not observed: unchanged
    parallel = parallel_is_taken(diagnosis)
    usage = usage_request(diagnosis) if diagnosis.form == "openai_chat" else None
    unknown = diagnosis.result_of("unknown_field")
    is_strict = accepts.is_strict
    if unknown is not None and (unknown.is_answered or unknown.is_refused):
        is_strict = unknown.is_refused
    return replace(
        accepts,
        tool_choice=frozenset(choices),
        parallel_tool_calls=accepts.parallel_tool_calls if parallel is None else parallel,
        stream_usage=accepts.stream_usage if usage is None else usage,
        is_strict=is_strict,
    )


def _model(diagnosis: Diagnosis) -> ModelProfile:
    model, listing = diagnosis.model, diagnosis.listing
    if listing is not None:
        model = replace(
            model,
            context_window_tokens=listing.context_window_tokens or model.context_window_tokens,
            input_usd_per_million=first_known(
                listing.input_usd_per_million, model.input_usd_per_million
            ),
            output_usd_per_million=first_known(
                listing.output_usd_per_million, model.output_usd_per_million
            ),
        )
    if diagnosis.is_refused("round_trip") and diagnosis.is_answered("nine_char_id"):
        model = replace(model, rules="mistral")
    return model
