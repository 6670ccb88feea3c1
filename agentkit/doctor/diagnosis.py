"""What is known of a host so far, and the profile that follows from it.

In:  the profile as it was, the results made since, what the host says of its models.
Out: `Diagnosis`, a value that grows; `observed_profiles`: the profiles that fit what was seen.

What was not seen is left as it was: a probe without a clear answer changes nothing.
"""

from collections.abc import Mapping
from dataclasses import field

from agentkit.config.profile import (
    Accepts,
    DialectName,
    ModelProfile,
    ProviderProfile,
    ToolChoiceForm,
    UsageRequest,
    other_limit,
)
from agentkit.doctor.model_list import ModelListing, first_known
from agentkit.doctor.probe import ProbeName, ProbeResult
from agentkit.value import dataclass, replace

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
    """A host under examination.

    Attributes:
        provider: the host's profile as it was.
        model: the model's profile as it was.
        results: by probe, what was seen.
        listing: what the host says of the model; None if it says nothing.
    """

    provider: ProviderProfile
    model: ModelProfile
    results: Mapping[ProbeName, ProbeResult] = field(default_factory=dict)
    listing: ModelListing | None = None

    def add(self, result: ProbeResult) -> "Diagnosis":
        """Return the diagnosis with one more result."""
        return replace(self, results={**self.results, result.name: result})

    def result_of(self, name: ProbeName) -> ProbeResult | None:
        """Return what one probe saw, if it was sent."""
        return self.results.get(name)

    def is_answered(self, name: ProbeName) -> bool:
        """Say whether the host took this request."""
        result = self.result_of(name)
        return result is not None and result.is_answered

    def is_refused(self, name: ProbeName) -> bool:
        """Say whether the host will not take this request."""
        result = self.result_of(name)
        return result is not None and result.is_refused

    def is_called(self, name: ProbeName) -> bool:
        """Say whether the host answered this request with a call that it wrote as one."""
        result = self.result_of(name)
        return result is not None and result.is_answered and bool(result.call_names)

    @property
    def has_chat(self) -> bool:
        """Say whether the host answers a plain question."""
        return any(self.is_answered(name) for name in CHAT_PROBES)

    @property
    def has_no_chat_path(self) -> bool:
        """Say whether nothing answers where a chat belongs."""
        first = self.result_of("chat")
        return first is not None and first.is_refused and first.status in (404, 405, 501)

    @property
    def has_native_calls(self) -> bool:
        """Say whether a call was seen that the host wrote as one."""
        return any(self.is_called(name) for name in (*CALLING_PROBES, "named"))

    @property
    def has_text_call(self) -> bool:
        """Say whether a call was seen that came as text, without a prompt that asks for that."""
        return any(
            result.is_text_call for name, result in self.results.items() if name != "prompted"
        )

    @property
    def takes_tools(self) -> bool:
        """Say whether the host takes a request with tools, used or not."""
        return self.is_answered("tools")

    @property
    def wants_prompted(self) -> bool:
        """Say whether tools have to be offered by prompt: refused, or taken and never used."""
        if self.has_native_calls or self.has_text_call:
            return False
        return self.is_refused("tools") or (self.takes_tools and self.has_asked_for_calls)

    @property
    def has_asked_for_calls(self) -> bool:
        """Say whether every way to get a call was tried."""
        return all(name in self.results for name in ("tools", "required", "named"))

    @property
    def form(self) -> DialectName:
        """Return the dialect that probes are spelled in: one with native calls."""
        is_anthropic = self.provider.dialect == "anthropic_messages"
        return "anthropic_messages" if is_anthropic else "openai_chat"


def observed_profiles(diagnosis: Diagnosis) -> tuple[ProviderProfile, ModelProfile]:
    """Return host and model as they were seen to be."""
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
    """Return the profiles that the next probes are spelled for."""
    provider, model = observed_profiles(diagnosis)
    return replace(provider, dialect=diagnosis.form), model


def respects_choice(diagnosis: Diagnosis, choice: ToolChoiceForm) -> bool | None:
    """Say whether a spelling of the tool choice does what it says; None if that was not seen."""
    result = choice_result(diagnosis, choice)
    if result is None:
        return None
    if result.is_refused:
        # Together with another field, it may be that one which was refused.
        return None if result.name == "auto_and_parallel" else False
    if not result.is_answered:
        return None
    return _does(choice, result, named=named_tool(diagnosis))


def named_tool(diagnosis: Diagnosis) -> str:
    """Return the tool to name: not the one that is called for the same question without that."""
    free = choice_result(diagnosis, "auto")
    return TOOL if free is not None and OTHER_TOOL in _called(free) else OTHER_TOOL


def choice_result(diagnosis: Diagnosis, choice: ToolChoiceForm) -> ProbeResult | None:
    """Return what was seen of a spelling; of `auto`, by itself if that was needed."""
    if choice == "auto":
        return diagnosis.result_of("auto") or diagnosis.result_of("auto_and_parallel")
    return diagnosis.result_of(choice)


def _does(choice: ToolChoiceForm, result: ProbeResult, *, named: str) -> bool:
    """Say whether an answer is one that this choice allows."""
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
    """Return the names of the tools that were called; read from text where calls leak."""
    called = set(result.call_names)
    if not called and result.response is not None:
        called = {call.name for call in result.response.message.tool_calls}
    return called


def parallel_is_taken(diagnosis: Diagnosis) -> bool | None:
    """Say whether the host takes `parallel_tool_calls`; None if that was not seen."""
    both = diagnosis.result_of("auto_and_parallel")
    if both is None:
        return None
    if both.is_answered:
        return True
    is_the_cause = both.is_refused and diagnosis.is_answered("auto")
    return False if is_the_cause else None


def usage_request(diagnosis: Diagnosis) -> UsageRequest | None:
    """Return how usage is had from a stream; None if no stream was seen whole."""
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
        return "prompted" if works or diagnosis.is_refused("tools") else diagnosis.provider.dialect
    return diagnosis.provider.dialect


def _accepts(accepts: Accepts, *, diagnosis: Diagnosis) -> Accepts:
    if diagnosis.is_answered("chat_other_limit"):
        accepts = replace(accepts, max_tokens_field=other_limit(accepts))
    choices = set(accepts.tool_choice)
    for choice in CHOICES:
        match respects_choice(diagnosis, choice):
            case True:
                choices.add(choice)
            case False:
                choices.discard(choice)
            case None:
                pass  # not seen: as it was
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
