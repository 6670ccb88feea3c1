"""What is known of a host so far, and the profile that follows from it.

In:  the profile as it was, the sightings made since, what the host says of its models.
Out: `Exam`, a value that grows; `revise`: the profiles that fit what was seen.

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
from agentkit.doctor.model_list import Listing, first_known
from agentkit.doctor.probe import ProbeName, Sighting
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
class Exam:
    """A host under examination.

    Attributes:
        provider: the host's profile as it was.
        model: the model's profile as it was.
        sightings: by probe, what was seen.
        listing: what the host says of the model; None if it says nothing.
    """

    provider: ProviderProfile
    model: ModelProfile
    sightings: Mapping[ProbeName, Sighting] = field(default_factory=dict)
    listing: Listing | None = None

    def add(self, sighting: Sighting) -> "Exam":
        """Return the exam with one more sighting."""
        return replace(self, sightings={**self.sightings, sighting.name: sighting})

    def saw(self, name: ProbeName) -> Sighting | None:
        """Return what one probe saw, if it was sent."""
        return self.sightings.get(name)

    def is_answered(self, name: ProbeName) -> bool:
        """Say whether the host took this request."""
        sighting = self.saw(name)
        return sighting is not None and sighting.is_answered

    def is_refused(self, name: ProbeName) -> bool:
        """Say whether the host will not take this request."""
        sighting = self.saw(name)
        return sighting is not None and sighting.is_refused

    def is_called(self, name: ProbeName) -> bool:
        """Say whether the host answered this request with a call that it wrote as one."""
        sighting = self.saw(name)
        return sighting is not None and sighting.is_answered and bool(sighting.call_names)

    @property
    def has_chat(self) -> bool:
        """Say whether the host answers a plain question."""
        return any(self.is_answered(name) for name in CHAT_PROBES)

    @property
    def has_no_chat_path(self) -> bool:
        """Say whether nothing answers where a chat belongs."""
        first = self.saw("chat")
        return first is not None and first.is_refused and first.status in (404, 405, 501)

    @property
    def has_native_calls(self) -> bool:
        """Say whether a call was seen that the host wrote as one."""
        return any(self.is_called(name) for name in (*CALLING_PROBES, "named"))

    @property
    def has_leaked_call(self) -> bool:
        """Say whether a call was seen that came as text, without a prompt that asks for that."""
        return any(
            sighting.is_leak for name, sighting in self.sightings.items() if name != "prompted"
        )

    @property
    def takes_tools(self) -> bool:
        """Say whether the host takes a request with tools, used or not."""
        return self.is_answered("tools")

    @property
    def wants_prompted(self) -> bool:
        """Say whether tools have to be offered by prompt: refused, or taken and never used."""
        if self.has_native_calls or self.has_leaked_call:
            return False
        return self.is_refused("tools") or (self.takes_tools and self.has_asked_for_calls)

    @property
    def has_asked_for_calls(self) -> bool:
        """Say whether every way to get a call was tried."""
        return all(name in self.sightings for name in ("tools", "required", "named"))

    @property
    def form(self) -> DialectName:
        """Return the dialect that probes are spelled in: one with native calls."""
        is_anthropic = self.provider.dialect == "anthropic_messages"
        return "anthropic_messages" if is_anthropic else "openai_chat"


def revise(exam: Exam) -> tuple[ProviderProfile, ModelProfile]:
    """Return host and model as they were seen to be."""
    provider = exam.provider
    if exam.is_answered("chat_below_v1") and provider.base_url:
        provider = replace(provider, base_url=f"{provider.base_url}/v1")
    provider = replace(
        provider, dialect=_dialect(exam), accepts=_accepts(provider.accepts, exam=exam)
    )
    return provider, _model(exam)


def native(exam: Exam) -> tuple[ProviderProfile, ModelProfile]:
    """Return the profiles that the next probes are spelled for."""
    provider, model = revise(exam)
    return replace(provider, dialect=exam.form), model


def heeds(exam: Exam, choice: ToolChoiceForm) -> bool | None:
    """Say whether a spelling of the tool choice does what it says; None if that was not seen."""
    sighting = choice_sighting(exam, choice)
    if sighting is None:
        return None
    if sighting.is_refused:
        # Together with another field, it may be that one which was refused.
        return None if sighting.name == "auto_and_parallel" else False
    if not sighting.is_answered:
        return None
    return _does(choice, sighting, named=named_tool(exam))


def named_tool(exam: Exam) -> str:
    """Return the tool to name: not the one that is called for the same question without that."""
    free = choice_sighting(exam, "auto")
    return TOOL if free is not None and OTHER_TOOL in _called(free) else OTHER_TOOL


def choice_sighting(exam: Exam, choice: ToolChoiceForm) -> Sighting | None:
    """Return what was seen of a spelling; of `auto`, by itself if that was needed."""
    if choice == "auto":
        return exam.saw("auto") or exam.saw("auto_and_parallel")
    return exam.saw(choice)


def _does(choice: ToolChoiceForm, sighting: Sighting, *, named: str) -> bool:
    """Say whether an answer is one that this choice allows."""
    has_call = bool(sighting.call_names) or sighting.is_leak
    match choice:
        case "auto":
            return True
        case "none":
            return not has_call and not sighting.has_marker
        case "named":
            return _called(sighting) == {named}
        case "required" | "any":
            return has_call


def _called(sighting: Sighting) -> set[str]:
    """Return the names of the tools that were called; read from text where calls leak."""
    called = set(sighting.call_names)
    if not called and sighting.response is not None:
        called = {call.name for call in sighting.response.message.tool_calls}
    return called


def parallel_is_taken(exam: Exam) -> bool | None:
    """Say whether the host takes `parallel_tool_calls`; None if that was not seen."""
    both = exam.saw("auto_and_parallel")
    if both is None:
        return None
    if both.is_answered:
        return True
    is_the_cause = both.is_refused and exam.is_answered("auto")
    return False if is_the_cause else None


def usage_request(exam: Exam) -> UsageRequest | None:
    """Return how usage is had from a stream; None if no stream was seen whole."""
    streams = [(how, exam.saw(name)) for name, how in STREAMS.items()]
    for how, sighting in streams:
        if sighting is not None and sighting.is_answered and sighting.has_usage:
            return how
    has_tried_plain = exam.is_answered("stream_plain")
    return "never" if has_tried_plain else None


def _dialect(exam: Exam) -> DialectName:
    if not exam.has_chat:
        return "completions" if exam.is_answered("completions") else exam.provider.dialect
    if exam.has_native_calls or exam.has_leaked_call:
        return exam.form
    if exam.form == "openai_chat" and exam.wants_prompted:
        by_prompt = exam.saw("prompted")
        works = by_prompt is not None and by_prompt.is_leak
        return "prompted" if works or exam.is_refused("tools") else exam.provider.dialect
    return exam.provider.dialect


def _accepts(accepts: Accepts, *, exam: Exam) -> Accepts:
    if exam.is_answered("chat_other_limit"):
        accepts = replace(accepts, max_tokens_field=other_limit(accepts))
    choices = set(accepts.tool_choice)
    for choice in CHOICES:
        match heeds(exam, choice):
            case True:
                choices.add(choice)
            case False:
                choices.discard(choice)
            case None:
                pass  # not seen: as it was
    parallel = parallel_is_taken(exam)
    usage = usage_request(exam) if exam.form == "openai_chat" else None
    unknown = exam.saw("unknown_field")
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


def _model(exam: Exam) -> ModelProfile:
    model, listing = exam.model, exam.listing
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
    if exam.is_refused("round_trip") and exam.is_answered("nine_char_id"):
        model = replace(model, rules="mistral")
    return model
