"""Answer a server's requests: elicitation, sampling, roots.

In:  a server's request during a call, and the caller's callbacks.
Out: the protocol's result, or an error with the reason.

A capability without a callback is not declared to the server. A user's answer is validated against
the form's schema, with the schema's defaults for fields that were left out
(https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation, SEP-1034).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast

import mcp_types as types
from mcp.client.session import ClientRequestContext, ElicitationFnT, ListRootsFnT, SamplingFnT
from pydantic import FileUrl

from agentkit.agent.agent import Agent
from agentkit.agent.run import Run
from agentkit.budget.budget import Budget
from agentkit.chat import ModelSettings
from agentkit.errors import AgentKitError
from agentkit.json_schema import JsonObject, JsonSchema, JsonSchemaError, JsonValue
from agentkit.mcp.convert import McpBlock, block_from_mcp, block_to_mcp
from agentkit.mcp.form_defaults import form_defaults
from agentkit.message import AssistantMessage, Message, UserMessage
from agentkit.tools.run_context import RunContext, run_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ElicitationRequest:
    """A server's request for input from the user.

    Attributes:
        server: the name of the server.
        message: the text to show.
        schema: JSON Schema of the form: an object of plain fields; None with `url`.
        url: a URL that the user should open instead of filling in a form.
    """

    server: str
    message: str
    schema: Mapping[str, JsonValue] | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ElicitationResponse:
    """The user's answer: `accept` with the form's content, `decline`, or `cancel`."""

    action: Literal["accept", "decline", "cancel"]
    content: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingRequest:
    """A server's request for a completion.

    Attributes:
        server: the name of the server.
        messages: the conversation to complete.
        instructions: the system prompt.
        settings: token limit, temperature and stop sequences.
    """

    server: str
    messages: tuple[Message, ...]
    instructions: str
    settings: ModelSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingResponse:
    """A completion; `model` is the name of the model that wrote it."""

    message: AssistantMessage
    model: str
    stop_reason: str = "endTurn"


OnElicitation: TypeAlias = Callable[[ElicitationRequest], Awaitable[ElicitationResponse]]
OnSampling: TypeAlias = Callable[[SamplingRequest], Awaitable[SamplingResponse]]
CurrentCall: TypeAlias = Callable[[], RunContext[Any] | None]
"""Returns the call during which the server sent a request; None if there is none."""


def elicitation_callback(server: str, on_elicitation: OnElicitation) -> ElicitationFnT:
    """Return the SDK's callback that calls `on_elicitation`."""

    async def answer(
        context: ClientRequestContext,  # noqa: ARG001  # as the SDK calls it
        params: types.ElicitRequestParams,
    ) -> types.ElicitResult | types.ErrorData:
        schema: JsonObject | None = None
        if isinstance(params, types.ElicitRequestFormParams):
            schema = cast(JsonObject, params.requested_schema)  # JSON that came over the wire
        question = ElicitationRequest(
            server=server,
            message=params.message,
            schema=schema,
            url=params.url if isinstance(params, types.ElicitRequestURLParams) else None,
        )
        try:
            given = await on_elicitation(question)
        except Exception as error:  # noqa: BLE001  # the user's callback; the server gets the error
            return _error(f"The user could not be asked: {error}")
        if given.action != "accept" or schema is None:
            return types.ElicitResult(action=given.action)
        return _filled(schema, given.content)

    return answer


def _filled(
    schema: JsonObject, content: Mapping[str, JsonValue]
) -> types.ElicitResult | types.ErrorData:
    """Return the form's content, with the schema's defaults, if it is valid."""
    filled = {**form_defaults(schema), **content}
    try:
        faults = JsonSchema(schema).violations(filled)
    except JsonSchemaError as error:
        return _error(f"The form's schema is not valid: {error}")
    if faults:
        return _error(f"The user's answer does not fit the form: {faults[0]}")
    return types.ElicitResult(action="accept", content=cast(Any, filled))  # validated above


def sampling_callback(server: str, on_sampling: OnSampling) -> SamplingFnT:
    """Return the SDK's callback that calls `on_sampling`."""

    async def answer(
        context: ClientRequestContext,  # noqa: ARG001  # as the SDK calls it
        params: types.CreateMessageRequestParams,
    ) -> types.CreateMessageResult | types.ErrorData:
        if params.tools:
            return _error("Sampling with tools is not supported.")
        try:
            given = await on_sampling(read_sampling(server, params))
            content = _sampling_content(given.message)
        except Exception as error:  # noqa: BLE001  # the user's callback; the server gets the error
            return _error(f"The completion failed: {error}")
        return types.CreateMessageResult(
            role="assistant", content=content, model=given.model, stop_reason=given.stop_reason
        )

    return answer


def sample_with_run(current: CurrentCall) -> OnSampling:
    """Return a callback that uses the model of the run in which the server was called.

    It counts against the run's budget, and uses the run's journal and events.
    """

    async def sample(asked: SamplingRequest) -> SamplingResponse:
        context = current()
        run = None if context is None else run_of(context)
        if not isinstance(run, Run):
            raise AgentKitError("no run is in progress whose model could be used")
        limit = run.meter.reached()
        if limit is not None:
            raise AgentKitError(f"the run has reached its limit ({limit})")
        agent = Agent(
            run.model,
            name=f"{asked.server} (sampling)",
            instructions=asked.instructions,
            settings=asked.settings,
            budget=Budget(turns=1, closing_answer=False),
        )
        result = await agent.run(history=asked.messages, within=context)
        if result.stop_reason not in ("answered", "length"):
            raise AgentKitError(f"the run has reached its limit ({result.stop_reason})")
        return SamplingResponse(
            message=AssistantMessage(result.text),
            model=run.model.name,
            stop_reason="endTurn" if result.stop_reason == "answered" else "maxTokens",
        )

    return sample


def roots_callback(roots: tuple[str, ...]) -> ListRootsFnT:
    """Return the SDK's callback that returns the roots."""
    listed = [types.Root(uri=FileUrl(uri)) for uri in roots]

    async def answer(context: ClientRequestContext) -> types.ListRootsResult:  # noqa: ARG001
        return types.ListRootsResult(roots=listed)

    return answer


def read_sampling(server: str, params: types.CreateMessageRequestParams) -> SamplingRequest:
    """Convert a sampling request of the SDK."""
    messages: list[Message] = []
    for one in params.messages:
        blocks = tuple(block_from_mcp(cast(McpBlock, block)) for block in one.content_as_list)
        is_user = one.role == "user"
        messages.append(
            UserMessage(content=blocks) if is_user else AssistantMessage(content=blocks)
        )
    return SamplingRequest(
        server=server,
        messages=tuple(messages),
        instructions=params.system_prompt or "",
        settings=ModelSettings(
            max_tokens=params.max_tokens,
            temperature=params.temperature,
            stop=tuple(params.stop_sequences or ()),
        ),
    )


def _sampling_content(message: AssistantMessage) -> types.SamplingContent:
    encoded = [block_to_mcp(block) for block in message.content]
    if len(encoded) == 1 and not isinstance(encoded[0], types.TextContent):
        return cast(types.SamplingContent, encoded[0])  # an image or a sound
    return types.TextContent(text=message.text)


def _error(message: str) -> types.ErrorData:
    return types.ErrorData(code=types.INVALID_REQUEST, message=message)
