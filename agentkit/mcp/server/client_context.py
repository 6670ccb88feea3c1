"""The client that called a served tool, as the tool sees it.

In:  the tool's `RunContext`.
Out: `ClientContext`: elicitation, sampling, roots, log messages, progress.

A tool writes `await client.elicit(…)` for every revision. Up to 2025-11-25 the request is sent to
the client during the call. Since 2026-07-28 that is not possible: the call returns with the
request, and the tool runs again **from its start** when the answer comes. So a tool asks first,
acts afterwards, and asks the same in each round trip; answers that are known return at once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

import mcp_types as types
from mcp.server.connection import Connection, allowed_log_levels
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp_types import InputRequest, InputResponse
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel, ValidationError

from agentkit.errors import ToolError
from agentkit.json_schema import JsonObject, JsonSchema, JsonValue
from agentkit.mcp.convert import block_from_mcp, block_to_mcp
from agentkit.mcp.form_defaults import form_defaults
from agentkit.mcp.server.call_state import CallState
from agentkit.message import AssistantMessage, Message, SystemMessage, ToolResult, UserMessage
from agentkit.tools.run_context import RunContext, run_of
from agentkit.tools.tool_run import CallInterrupted

LOG_LEVEL = "agentkit.log_level"
"""The key under which a connection of an earlier revision keeps the level its client set."""

SAMPLED = (types.TextContent, types.ImageContent, types.AudioContent)

ModelT = TypeVar("ModelT", bound=BaseModel)


class ClientRequestError(ToolError):
    """The client does not support a request or did not answer it; the model reads the reason."""


class InputRequired(CallInterrupted):
    """Ends a round trip: the client's input is needed first. A tool must not catch it."""

    def __init__(self, requests: Mapping[str, InputRequest]) -> None:
        super().__init__(*requests)
        self.requests = requests


@dataclass(frozen=True, slots=True, kw_only=True)
class ElicitationOutcome:
    """A user's answer to a form.

    Attributes:
        action: `accept`; or `decline`, or `cancel` if it was closed without an answer.
        content: the submitted values, valid for the form's schema. Empty unless accepted.
    """

    action: Literal["accept", "decline", "cancel"]
    content: JsonObject


class ClientContext:
    """The client that called a tool, for the duration of the call."""

    def __init__(self, context: ServerRequestContext[Any], *, state: CallState) -> None:
        """Wrap a request, with the state from its earlier round trips."""
        self._context = context
        self._asks = 0
        self.state = state
        self.is_modern: bool = context.protocol_version in MODERN_PROTOCOL_VERSIONS
        self._missing: dict[str, types.ClientCapabilities] = {}

    @property
    def capabilities(self) -> types.ClientCapabilities:
        """Return the capabilities that the client declared."""
        return self._context.session.client_capabilities or types.ClientCapabilities()

    def missing(self, result: ToolResult) -> types.ClientCapabilities | None:
        """Return the capability for whose lack a call failed, if it did."""
        return self._missing.get(result.text) if result.is_error else None

    async def elicit(
        self, message: str, schema: Mapping[str, JsonValue], *, key: str | None = None
    ) -> ElicitationOutcome:
        """Ask the user at the client to fill in a form.

        Args:
            message: the text above the form.
            schema: JSON Schema of a flat object, as MCP restricts it for forms.
            key: identifies the request; give one if the order of requests may change.

        Raises:
            ClientRequestError: the client does not support forms, gave no answer, or an invalid
                one.
        """
        form = types.ElicitRequestFormParams(message=message, requested_schema=dict(schema))
        found = await self._ask(types.ElicitRequest(params=form), types.ElicitResult, key=key)
        content: JsonObject = {}
        if found.action == "accept":
            # Clients that show a form as one button accept it without content.
            given = form_defaults(schema) if found.content is None else found.content
            content = cast(JsonObject, given)  # the SDK's type of values is narrower than JSON
            faults = JsonSchema(schema).violations(content, limit=3)
            if faults:
                raise _invalid_answer("; ".join(map(str, faults)))
        return ElicitationOutcome(action=found.action, content=content)

    async def sample(
        self,
        prompt: str | Iterable[Message],
        *,
        max_tokens: int,
        system_prompt: str | None = None,
        temperature: float | None = None,
        key: str | None = None,
    ) -> AssistantMessage:
        """Ask for a completion of the client's model.

        Args:
            prompt: the user's text, or messages of a user and an assistant.
            max_tokens: limit of the answer.
            system_prompt: system prompt for the completion.
            temperature: sampling temperature, 0 or more.
            key: see `elicit`.

        Raises:
            ClientRequestError: the client does not support sampling, or gave no answer.
        """
        messages = [UserMessage(prompt)] if isinstance(prompt, str) else list(prompt)
        request = types.CreateMessageRequest(
            params=types.CreateMessageRequestParams(
                messages=[_sampling_message(message) for message in messages],
                max_tokens=max_tokens,
                system_prompt=system_prompt,
                temperature=temperature,
            )
        )
        found = await self._ask(request, types.CreateMessageResultWithTools, key=key)
        blocks = [block for block in found.content_as_list if isinstance(block, SAMPLED)]
        return AssistantMessage(content=tuple(map(block_from_mcp, blocks)))

    async def list_roots(self, *, key: str | None = None) -> tuple[types.Root, ...]:
        """Return the client's roots: the folders and files it works on.

        Raises:
            ClientRequestError: the client does not support roots, or gave no answer.
        """
        found = await self._ask(types.ListRootsRequest(), types.ListRootsResult, key=key)
        return tuple(found.roots)

    async def ask(self, requests: Mapping[str, InputRequest]) -> Mapping[str, InputResponse]:
        """Send several requests at once.

        Args:
            requests: the SDK's requests, by names of your own.

        Returns:
            The SDK's results by the same names; the contents of forms are not validated.

        Raises:
            ClientRequestError: one of them is not supported, or was not answered.
        """
        for request in requests.values():
            self._require(request)
        if not self.is_modern:
            return {key: await self._send(request) for key, request in requests.items()}
        found = {key: self.state.find_answer(key, request) for key, request in requests.items()}
        if any(answer is None for answer in found.values()):
            raise InputRequired({key: requests[key] for key, had in found.items() if had is None})
        return {key: self._read(requests[key], answer) for key, answer in found.items()}

    async def log(
        self, level: types.LoggingLevel, data: JsonValue, *, logger: str | None = None
    ) -> None:
        """Send a log message to the client, if the client asked for messages of this level.

        Args:
            level: as in syslog, `debug` to `emergency`.
            data: text or any JSON.
            logger: name of the logger.
        """
        context = self._context
        allowed = allowed_log_levels(context.protocol_version, context.meta)
        wanted = connection_of(context).state.get(LOG_LEVEL)
        if level not in allowed or (wanted is not None and level not in wanted):
            return
        params = types.LoggingMessageNotificationParams(level=level, data=data, logger=logger)
        await context.session.send_notification(
            types.LoggingMessageNotification(params=params), related_request_id=context.request_id
        )

    async def report_progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Report the progress of the call; tools do so with their `RunContext`."""
        await self._context.session.report_progress(progress, total, message)

    async def _ask(self, request: InputRequest, result: type[ModelT], *, key: str | None) -> ModelT:
        self._asks += 1
        key = key or f"input-{self._asks}"
        found = (await self.ask({key: request}))[key]
        if not isinstance(found, result):
            raise _invalid_answer(f"it is not of type {result.__name__}")
        return found

    async def _send(self, request: InputRequest) -> InputResponse:
        """Send a request during the call."""
        related = ServerMessageMetadata(related_request_id=self._context.request_id)
        kind = _result_type(request)
        try:
            return await self._context.session.send_request(request, kind, metadata=related)
        except (MCPError, ValidationError) as error:
            raise ClientRequestError(f"The client gave no answer: {error}") from error

    def _read(self, request: InputRequest, answer: JsonValue) -> InputResponse:
        """Read an answer that came with the call."""
        try:
            return _result_type(request).model_validate(answer, by_name=False)
        except ValidationError as error:
            raise _invalid_answer(f"it is not of type {_result_type(request).__name__}") from error

    def _require(self, request: InputRequest) -> None:
        """Check that the client declared the capability for a request.

        Raises:
            ClientRequestError: it did not.
        """
        lacks = _missing_capability(request, self.capabilities)
        if lacks is not None:
            names = ", ".join(lacks.model_dump(exclude_none=True))
            text = f"The client does not support {names}."
            self._missing[text] = lacks
            raise ClientRequestError(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallScope:
    """The scope of a served tool's `RunContext`; the tool layer does not read it."""

    client: ClientContext


def client_of(context: RunContext[Any]) -> ClientContext | None:
    """Return the client that called this tool; None if it was not called through a server.

    A tool of a served agent has no client: the agent's model called it.
    """
    return run.client if isinstance(run := run_of(context), CallScope) else None


def connection_of(context: ServerRequestContext[Any]) -> Connection:
    """Return the connection a request came on.

    The SDK's `Connection` keeps state and clean-up "for handlers and middleware", and its low-level
    context does not hand it out yet.
    """
    return context.session._connection


def _invalid_answer(reason: str) -> ClientRequestError:
    return ClientRequestError(f"The client's answer is not valid: {reason}")


def _missing_capability(
    request: InputRequest, has: types.ClientCapabilities
) -> types.ClientCapabilities | None:
    """Return the capability that a request needs and the client did not declare."""
    match request:
        case types.ElicitRequest(params=types.ElicitRequestURLParams()):
            if has.elicitation is None or has.elicitation.url is None:
                url = types.ElicitationCapability(url=types.UrlElicitationCapability())
                return types.ClientCapabilities(elicitation=url)
        case types.ElicitRequest():
            # An empty capability dates from before modes (2025-06-18) and means forms.
            forms = has.elicitation
            if forms is None or (forms.form is None and forms.url is not None):
                form = types.ElicitationCapability(form=types.FormElicitationCapability())
                return types.ClientCapabilities(elicitation=form)
        case types.CreateMessageRequest():
            if has.sampling is None:
                return types.ClientCapabilities(sampling=types.SamplingCapability())
        case types.ListRootsRequest():
            if has.roots is None:
                return types.ClientCapabilities(roots=types.RootsCapability())
    return None


def _result_type(request: InputRequest) -> type[InputResponse]:
    match request:
        case types.ElicitRequest():
            return types.ElicitResult
        case types.CreateMessageRequest():
            return types.CreateMessageResultWithTools  # one block or several
        case types.ListRootsRequest():
            return types.ListRootsResult


def _sampling_message(message: Message) -> types.SamplingMessage:
    match message:
        case UserMessage() | AssistantMessage():
            role: Literal["user", "assistant"] = (
                "user" if isinstance(message, UserMessage) else "assistant"
            )
            content = [block_to_mcp(block) for block in message.content]
            return types.SamplingMessage(
                role=role,
                content=content[0] if len(content) == 1 else content,  # type: ignore[arg-type]
            )
        case SystemMessage() | ToolResult():
            raise TypeError("Sampling takes user and assistant messages only.")
