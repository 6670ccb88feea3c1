"""What is particular to one provider's form, as data.

In:  what `providers` knows of a provider.
Out: `ProviderFormat`: what it takes, what it gives, how it says no.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Literal, TypeAlias

from agentkit.value import dataclass

Door: TypeAlias = Literal[
    "chat", "messages", "count_tokens", "completions", "models", "messages_models"
]
KeyPlace: TypeAlias = Literal["bearer", "x-api-key", "body"]
IdForm: TypeAlias = Literal[
    "nine", "call", "call_short", "chatcmpl_tool", "long", "digits", "toolu", "uuid", "zero"
]
ChoiceForm: TypeAlias = Literal["auto", "none", "any", "required", "named"]
ErrorForm: TypeAlias = Literal[
    "mistral", "openai", "vllm", "openrouter", "llamacpp", "text", "status", "anthropic"
]
ListForm: TypeAlias = Literal["plain", "mistral", "openrouter", "oxen", "vllm", "llamacpp"]

CHAT_DOORS: Mapping[str, Door] = {"/chat/completions": "chat", "/models": "models"}
MESSAGES_DOORS: Mapping[str, Door] = {
    "/messages": "messages",
    "/messages/count_tokens": "count_tokens",
    "/models": "messages_models",
}
COMPLETIONS_DOORS: Mapping[str, Door] = {"/completions": "completions", "/models": "models"}
OPENAI_CHOICES: frozenset[ChoiceForm] = frozenset({"auto", "none", "required", "named"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Takes:
    """What a provider understands of a request.

    Attributes:
        keys: the places where it looks for a key, all of them; none for a provider that takes
            anybody.
        model_fields: its names for the model id, the first that is there counts.
        any_model: it answers for the one model it has, whatever the id.
        toolless: ids of models it has and offers no tools for.
        fields: the fields it knows; an unknown one is refused. None where unknown ones are ignored.
        is_strict_inside: unknown fields inside messages and tools are refused too.
        checks_ids: its template insists on call ids of nine letters or digits.
        choices: the spellings of a tool choice that it takes.
        unheeded: spellings that it takes and reads as `auto`.
        parallel: it makes several calls at once where the request does not say.
        needs_version: the messages form is refused without the header `anthropic-version`.
    """

    keys: tuple[KeyPlace, ...] = ()
    model_fields: tuple[str, ...] = ("model",)
    any_model: bool = False
    toolless: frozenset[str] = frozenset()
    fields: frozenset[str] | None = None
    is_strict_inside: bool = False
    checks_ids: bool = False
    choices: frozenset[ChoiceForm] = OPENAI_CHOICES
    unheeded: frozenset[ChoiceForm] = frozenset()
    parallel: bool = True
    needs_version: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Gives:
    """How a provider spells its answers.

    Attributes:
        ids: the form of the call ids it mints.
        response_id: what its response ids begin with.
        calls: how calls come in a stream: in `fragments`, in single `characters`, `whole` in one
            chunk all together, or `each` whole in a chunk of its own with index 0.
        calls_as_text: it has no parser for calls: they come as the model wrote them.
        no_calls: what stands for the calls of an answer without any.
        blank: the content of an answer with calls.
        forced_finish: the finish reason of an answer whose call was forced; None for the usual one.
        comment: a line that keeps the stream alive.
        stream_usage: whether a stream tells its usage, or only if it is asked to.
        is_usage_apart: a stream's usage has a chunk of its own, without choices.
        is_usage_beside: a stream's usage stands in a field of the vendor's, `x_groq`.
        has_object_arguments: the arguments of a call are an object where the form has text.
        cost_field: its name for the price of the answer in dollars; empty if it tells none.
        upstream: the provider behind a router; empty for a provider that is none.
        has_timings: it tells how many tokens it worked on.
        headers: sent with every answer; `{id}` stands for the response id.
    """

    ids: IdForm = "call"
    response_id: str = "chatcmpl-"
    calls: Literal["fragments", "characters", "whole", "each"] = "fragments"
    calls_as_text: bool = False
    no_calls: Literal["absent", "null", "empty"] = "absent"
    blank: Literal["", "null"] = "null"
    forced_finish: str | None = None
    comment: str = ""
    stream_usage: Literal["always", "asked", "never"] = "asked"
    is_usage_apart: bool = True
    is_usage_beside: bool = False
    has_object_arguments: bool = False
    cost_field: str = ""
    upstream: str = ""
    has_timings: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFormat:
    """One provider's form.

    Attributes:
        base_path: the path of its base URL.
        doors: what it answers, by path below the base URL.
        models: the ids it answers for.
        errors: how it says no.
        refusal_status: the status of every refusal but that of a key; 0 for the fitting one.
        template_status: the status where the conversation is refused by the chat template.
    """

    name: str
    base_path: str = "/v1"
    doors: Mapping[str, Door] = field(default_factory=lambda: CHAT_DOORS)
    models: tuple[str, ...] = ()
    takes: Takes = field(default_factory=Takes)
    gives: Gives = field(default_factory=Gives)
    errors: ErrorForm = "openai"
    listing: ListForm = "plain"
    refusal_status: int = 0
    template_status: int = 400
