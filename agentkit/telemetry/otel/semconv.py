"""Names of the GenAI semantic conventions of OpenTelemetry, and additional ones of agentkit.

In:  nothing.
Out: names of spans' attributes, of events and of metrics; values that the conventions fix.

The conventions are in development: these are those of opentelemetry-semantic-conventions 0.66b2
(gen-ai registry of semantic-conventions v1.43). A test compares them with that package.

They have a repository of their own since, whose metrics of tokens are others. Those whose names
begin with `LATEST_` are of its commit b31e9e8ea26ac1c086d3313d474e31d7c3f391ae (2026-09-30):
https://github.com/open-telemetry/semantic-conventions-genai/blob/b31e9e8ea26ac1c086d3313d474e31d7c3f391ae/docs/gen-ai/gen-ai-token-metrics.md
"""

from collections.abc import Mapping
from typing import Final

OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
AGENT: Final = "gen_ai.agent.name"
CONVERSATION: Final = "gen_ai.conversation.id"
REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_MODEL: Final = "gen_ai.response.model"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE_TOKENS: Final = "gen_ai.usage.cache_creation.input_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105 - the name of an attribute
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
TOOL: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
CALL_ID: Final = "gen_ai.tool.call.id"
CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
CALL_RESULT: Final = "gen_ai.tool.call.result"
ERROR_TYPE: Final = "error.type"

INVOKE_AGENT: Final = "invoke_agent"
CHAT: Final = "chat"
EXECUTE_TOOL: Final = "execute_tool"

PROVIDERS: Final[Mapping[str, str]] = {
    "azure-openai": "azure.ai.openai",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "xai": "x_ai",
}
"""Providers of the catalog for which the conventions have another name."""

FINISH_REASON_OF: Final[Mapping[str, str]] = {"tool_calls": "tool_call"}
"""Finish reasons for which the conventions have another name."""

OPERATION_DURATION: Final = "gen_ai.client.operation.duration"
TOKEN_USAGE: Final = "gen_ai.client.token.usage"  # noqa: S105 - the name of a metric

LATEST_INPUT_TOKENS: Final = "gen_ai.client.inference.usage.input_tokens"
LATEST_OUTPUT_TOKENS: Final = "gen_ai.client.inference.usage.output_tokens"
LATEST_CACHE_READ_TOKENS: Final = "gen_ai.client.inference.usage.cache_read.input_tokens"
LATEST_CACHE_WRITE_TOKENS: Final = "gen_ai.client.inference.usage.cache_write.input_tokens"
LATEST_REASONING_TOKENS: Final = "gen_ai.client.inference.usage.reasoning.output_tokens"
LATEST_INPUT_PER_CALL: Final = "gen_ai.client.inference.operation.input_tokens"
LATEST_OUTPUT_PER_CALL: Final = "gen_ai.client.inference.operation.output_tokens"
LATEST_MODALITY: Final = "gen_ai.token.modality"

RUN_ID: Final = "agentkit.run.id"
LABEL: Final = "agentkit.label"
SEGMENT: Final = "agentkit.run.segment"
LIFE: Final = "agentkit.run.life"
STOP_REASON: Final = "agentkit.run.stop_reason"
TURNS: Final = "agentkit.run.turns"
TURN: Final = "agentkit.turn"
COST: Final = "agentkit.usage.cost_usd"
OUTCOME: Final = "agentkit.tool.outcome"
REPAIRS: Final = "agentkit.repairs"

RUNS: Final = "agentkit.runs"
TOOL_CALLS: Final = "agentkit.tool.calls"
REPAIRED: Final = "agentkit.answer.repairs"
RETRIES: Final = "agentkit.model.retries"
RUN_COST: Final = "agentkit.run.cost"

CAPTURE_CONTENT: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
STABILITY_OPT_IN: Final = "OTEL_SEMCONV_STABILITY_OPT_IN"
OPT_IN_LATEST: Final = "gen_ai_latest_experimental"
OPT_IN_BOTH: Final = "gen_ai_latest_experimental/dup"
