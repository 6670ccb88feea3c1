"""What is particular to one provider's format, as data.

In:  what `providers` knows about a provider.
Out: `ProviderFormat`: its endpoints, and where its requests, responses and errors differ from the
     format in `agentkit.dialect` that it follows.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Literal, TypeAlias

from agentkit.value import dataclass

Endpoint: TypeAlias = Literal[
    "chat", "messages", "count_tokens", "completions", "models", "messages_models"
]
KeyLocation: TypeAlias = Literal["bearer", "x-api-key", "api-key", "body"]
IdFormat: TypeAlias = Literal[
    "nine", "call", "call_short", "chatcmpl_tool", "long", "digits", "toolu", "uuid", "zero"
]
ChoiceKind: TypeAlias = Literal["auto", "none", "any", "required", "named"]
ErrorFormat: TypeAlias = Literal[
    "mistral", "openai", "vllm", "openrouter", "llamacpp", "text", "status", "anthropic"
]
ModelListFormat: TypeAlias = Literal["plain", "mistral", "openrouter", "oxen", "vllm", "llamacpp"]

CHAT_ENDPOINTS: Mapping[str, Endpoint] = {"/chat/completions": "chat", "/models": "models"}
MESSAGES_ENDPOINTS: Mapping[str, Endpoint] = {
    "/messages": "messages",
    "/messages/count_tokens": "count_tokens",
    "/models": "messages_models",
}
COMPLETIONS_ENDPOINTS: Mapping[str, Endpoint] = {
    "/completions": "completions",
    "/models": "models",
}
OPENAI_CHOICES: frozenset[ChoiceKind] = frozenset({"auto", "none", "required", "named"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestQuirks:
    """How a provider reads requests.

    Attributes:
        key_locations: where it looks for a key, all of them; empty if it needs no key.
        model_fields: its names for the model's id; the first that a request has counts.
        any_model: it has one model and answers for it, whatever the id.
        models_without_tools: ids of models that it has and offers no tools for.
        known_fields: the fields that it accepts; None if it ignores unknown ones.
        strict_nested: it rejects unknown fields inside messages and tools too.
        checks_call_ids: its template requires call ids of nine letters or digits.
        tool_choices: the kinds of tool choice that it accepts.
        ignored_choices: the kinds that it accepts and treats as `auto`.
        parallel_by_default: it makes several calls at once unless the request forbids it.
        requires_version: it rejects messages requests without the header `anthropic-version`.
    """

    key_locations: tuple[KeyLocation, ...] = ()
    model_fields: tuple[str, ...] = ("model",)
    any_model: bool = False
    models_without_tools: frozenset[str] = frozenset()
    known_fields: frozenset[str] | None = None
    strict_nested: bool = False
    checks_call_ids: bool = False
    tool_choices: frozenset[ChoiceKind] = OPENAI_CHOICES
    ignored_choices: frozenset[ChoiceKind] = frozenset()
    parallel_by_default: bool = True
    requires_version: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseQuirks:
    """How a provider encodes responses.

    Attributes:
        call_ids: the format of the call ids that it issues.
        id_prefix: what its response ids begin with.
        call_chunks: how calls arrive in a stream: in `fragments`, in single `characters`,
            `together` in one chunk, or each in a `separate` chunk with index 0.
        calls_as_text: it has no parser for calls, so they arrive as the model wrote them.
        empty_calls: what `tool_calls` is in a message without calls.
        content_with_calls: what `content` is in a message with calls.
        forced_finish_reason: the finish reason after a forced call; None for the usual one.
        keep_alive: a comment that keeps a stream alive.
        stream_usage: whether a stream has its usage always, only on request, or never.
        usage_in_own_chunk: a stream's usage has a chunk of its own, without choices.
        usage_in_x_groq: a stream's usage is in a field of the vendor's.
        object_arguments: the arguments of a call are an object instead of JSON text.
        cost_field: its name for the price in dollars; empty if it reports none.
        upstream: the provider that a router passed the request to; empty for other providers.
        timings: it reports how many tokens it processed in a field of its own.
        headers: sent with every response; `{id}` is replaced by the response id.
    """

    call_ids: IdFormat = "call"
    id_prefix: str = "chatcmpl-"
    call_chunks: Literal["fragments", "characters", "together", "separate"] = "fragments"
    calls_as_text: bool = False
    empty_calls: Literal["absent", "null", "list"] = "absent"
    content_with_calls: Literal["", "null"] = "null"
    forced_finish_reason: str | None = None
    keep_alive: str = ""
    stream_usage: Literal["always", "on_request", "never"] = "on_request"
    usage_in_own_chunk: bool = True
    usage_in_x_groq: bool = False
    object_arguments: bool = False
    cost_field: str = ""
    upstream: str = ""
    timings: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFormat:
    """One provider's format.

    Attributes:
        base_path: the path of its base URL.
        endpoints: by path below the base URL.
        models: the ids that it has.
        errors: the format of its errors.
        model_list: the format of its list of models.
        rejection_status: the status of every rejection but that of a key; 0 for the usual ones.
        template_status: the status if the chat template rejects the conversation.
    """

    name: str
    base_path: str = "/v1"
    endpoints: Mapping[str, Endpoint] = field(default_factory=lambda: CHAT_ENDPOINTS)
    models: tuple[str, ...] = ()
    request: RequestQuirks = field(default_factory=RequestQuirks)
    response: ResponseQuirks = field(default_factory=ResponseQuirks)
    errors: ErrorFormat = "openai"
    model_list: ModelListFormat = "plain"
    rejection_status: int = 0
    template_status: int = 400
