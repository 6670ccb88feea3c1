"""The formats of providers whose models are of other families than Mistral.

In:  nothing.
Out: their `ProviderFormat`s, for `providers`.

None of them was observed. Each follows what the provider documents about its OpenAI format; if a
provider does not document something, the sandbox does what is hardest for a client (U).
"""

from agentkit.sandbox.wire.provider_format import (
    CHAT_ENDPOINTS,
    KeyLocation,
    ProviderFormat,
    RequestQuirks,
    ResponseQuirks,
)

_BEARER: tuple[KeyLocation, ...] = ("bearer",)
_FIELDS = frozenset({
    "model", "messages", "tools", "tool_choice", "stream", "stop", "temperature", "top_p",
    "response_format", "parallel_tool_calls",
})  # fmt: skip
_PENALTIES = {"frequency_penalty", "presence_penalty"}
_NEW_LIMIT = {"max_completion_tokens", "stream_options", "seed"}

OTHER_FAMILIES = (
    ProviderFormat(
        name="openai",
        request=RequestQuirks(
            key_locations=_BEARER,
            # Its reasoning models refuse `max_tokens`; here every model does.
            known_fields=_FIELDS | _PENALTIES | _NEW_LIMIT,
        ),
        response=ResponseQuirks(call_ids="call", headers={"x-request-id": "req_{id}"}),
    ),
    ProviderFormat(
        name="azure-openai",
        base_path="/openai/v1",
        endpoints=CHAT_ENDPOINTS,
        request=RequestQuirks(
            key_locations=("api-key", "bearer"),
            known_fields=_FIELDS | _PENALTIES | _NEW_LIMIT,
        ),
        response=ResponseQuirks(call_ids="call", headers={"x-request-id": "{id}"}),
    ),
    ProviderFormat(
        name="gemini",
        request=RequestQuirks(
            key_locations=_BEARER,
            known_fields=_FIELDS - {"parallel_tool_calls"} | {"max_tokens", "stream_options"},
        ),
        # It sends each call in one chunk; older versions left out the index.
        response=ResponseQuirks(call_chunks="separate", content_with_calls="null"),
    ),
    ProviderFormat(
        name="cerebras",
        request=RequestQuirks(
            key_locations=_BEARER,
            known_fields=_FIELDS | {"max_completion_tokens", "seed"},
        ),
        response=ResponseQuirks(call_ids="call_short", stream_usage="always"),
    ),
    ProviderFormat(
        name="deepseek",
        request=RequestQuirks(
            key_locations=_BEARER,
            known_fields=_FIELDS - {"parallel_tool_calls"}
            | _PENALTIES
            | {"max_tokens", "stream_options"},
        ),
        response=ResponseQuirks(call_ids="call", content_with_calls=""),
    ),
    ProviderFormat(
        name="xai",
        request=RequestQuirks(
            key_locations=_BEARER, known_fields=_FIELDS - {"stop"} | {"max_tokens", "seed"}
        ),
        response=ResponseQuirks(call_chunks="together", stream_usage="always"),
    ),
    ProviderFormat(name="huggingface", request=RequestQuirks(key_locations=_BEARER)),
    ProviderFormat(name="github-models", request=RequestQuirks(key_locations=_BEARER)),
    ProviderFormat(
        name="cloudflare",
        base_path="/client/v4/accounts/account/ai/v1",
        request=RequestQuirks(
            key_locations=_BEARER, tool_choices=frozenset({"auto", "none", "required"})
        ),
        response=ResponseQuirks(
            call_ids="chatcmpl_tool", stream_usage="always", forced_finish_reason="stop"
        ),
    ),
    ProviderFormat(
        name="nebius",
        request=RequestQuirks(key_locations=_BEARER),
        response=ResponseQuirks(call_ids="chatcmpl_tool", forced_finish_reason="stop"),
        errors="vllm",
        model_list="vllm",
    ),
    ProviderFormat(
        name="novita",
        request=RequestQuirks(key_locations=_BEARER),
        response=ResponseQuirks(call_ids="call"),
    ),
    ProviderFormat(
        name="sambanova",
        request=RequestQuirks(
            key_locations=_BEARER, known_fields=_FIELDS | {"max_tokens", "stream_options"}
        ),
        response=ResponseQuirks(call_ids="call_short", call_chunks="separate"),
    ),
    ProviderFormat(
        name="perplexity",
        base_path="",
        request=RequestQuirks(
            key_locations=_BEARER,
            known_fields=_FIELDS - {"tools", "tool_choice", "parallel_tool_calls", "stop"}
            | _PENALTIES
            | {"max_tokens"},
        ),
        response=ResponseQuirks(stream_usage="always"),
    ),
)
