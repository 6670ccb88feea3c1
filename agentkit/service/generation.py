"""Answer requests in the formats of model providers with agents.

In:  a request in one of the formats.
Out: its answer, complete or streamed, or an error in the format's own form.
"""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

from agentkit.agent.agent import Agent
from agentkit.chat import ModelRequest
from agentkit.content import ReasoningContent, TextContent
from agentkit.dialect.anthropic_messages.server_errors import encode_token_count
from agentkit.dialect.anthropic_messages.server_request import read_messages_request
from agentkit.dialect.openai_responses.server_response import response_name
from agentkit.dialect.received_request import InvalidRequestError, ReceivedRequest
from agentkit.errors import ToolDefinitionError
from agentkit.history import History
from agentkit.json_schema import JsonValue
from agentkit.message import SystemMessage
from agentkit.model.model import new_counter
from agentkit.service.answer import ReasoningPiece, ServedAnswer, Sink, TextPiece, answer
from agentkit.service.exchange import HttpExchange
from agentkit.service.http_errors import ServiceError
from agentkit.service.idempotency import KeptAnswer
from agentkit.service.parking import Parking
from agentkit.service.response_schema import schema_type
from agentkit.service.served import ServedAgent
from agentkit.service.service_state import ServiceState
from agentkit.service.spending import Reservation
from agentkit.service.stored_responses import NewResponse, PriorConversation
from agentkit.service.stream_sender import StreamSender
from agentkit.service.title_requests import is_title_request, title_agent
from agentkit.service.wire_format import AnswerHead, WireFormat
from agentkit.tools.tool import Tool
from agentkit.tools.toolset import StaticToolset
from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """A request that was checked, and the agent that answers it.

    Attributes:
        served: the agent as it is offered.
        agent: what answers: the same with a denial of calls that need approval, if they are not
            parked, or its title model.
        parking: keeps the run if a call needs approval; None to deny such calls.
        external: the client's tools, by name.
        output_type: what the answer has to be; None for text.
        conversation: what is stored already.
        history: the same, with what the request adds.
    """

    served: ServedAgent
    agent: Agent[Any, Any]
    request: ReceivedRequest
    parking: Parking | None
    external: Mapping[str, Tool]
    output_type: Any
    conversation: PriorConversation
    history: History


class Generate:
    """The route of one format."""

    def __init__(self, state: ServiceState, form: WireFormat) -> None:
        self._state = state
        self._form = form

    async def __call__(self, exchange: HttpExchange) -> None:
        """Answer one request.

        Raises:
            AgentKitError: nothing was sent yet; the caller sends the error.
        """
        state = self._state
        state.require_running()
        limits = state.limits.take_request(exchange.caller)
        exchange.extra_headers.update(limits)
        body, values = await exchange.read_json(state.settings.max_body_bytes)
        generation = await self._check(exchange, values)
        key = exchange.headers.get("idempotency-key")
        if key is None:
            await self._answer(exchange, generation, keep=_ignore_answer)
            return
        path, tenant = str(exchange.scope["path"]), exchange.caller.tenant
        kept = state.idempotency.begin(tenant, key, path=path, body=body)
        if kept is not None:
            await self._send_again(exchange, kept, generation.request)
            return
        try:
            # Kept before its end is sent: the client may come again as soon as it has that.
            await self._answer(
                exchange,
                generation,
                keep=lambda found: state.idempotency.keep(tenant, key, found),
            )
        finally:
            state.idempotency.release(tenant, key)

    async def _check(self, exchange: HttpExchange, values: Mapping[str, JsonValue]) -> Generation:
        """Read a request, and find the agent that it names and the conversation that it goes on.

        Raises:
            InvalidRequestError: it does not follow the format.
            ServiceError: the agent or the conversation does not exist.
        """
        state, name = self._state, values.get("model")
        known = state.agents.get(name) if isinstance(name, str) else None
        ignored = frozenset[str]() if known is None else known.ignore_fields
        request = self._form.read(values, ignore_fields=ignored)
        served = state.find_agent(request.model, exchange.caller)
        conversation = PriorConversation()
        if request.previous_response_id is not None:
            conversation = await state.require_responses().conversation(
                request.previous_response_id, exchange.caller
            )
        if len(conversation.history) + len(request.messages) > state.settings.max_messages:
            raise ServiceError(
                f"A conversation has at most {state.settings.max_messages} messages.",
                code="too_many_messages",
                param="input" if request.items else "messages",
            )
        parking = self._parking(exchange, served, request.model)
        agent = state.quiet_agents[request.model] if parking is None else served.agent
        return Generation(
            served=served,
            agent=title_agent(served) if is_title_request(request) else agent,
            request=request,
            parking=parking,
            external=_external_tools(request, served.agent),
            output_type=schema_type(request.response_format, path=self._form.schema_path),
            conversation=conversation,
            history=_continued(conversation.history, request),
        )

    def _parking(self, exchange: HttpExchange, served: ServedAgent, name: str) -> Parking | None:
        """Return what keeps a run that needs approval; None if such calls are denied.

        A caller whose money is limited cannot leave runs behind: nothing is reserved for them.
        """
        caller = exchange.caller
        if served.on_ask != "park" or caller.limits.cost_usd_per_day is not None:
            return None
        runs = self._state.require_runs()
        return Parking(runs, agent=name, caller=caller, request_id=exchange.request_id)

    async def _answer(
        self,
        exchange: HttpExchange,
        generation: Generation,
        *,
        keep: Callable[[KeptAnswer], None],
    ) -> None:
        """Run the agent and send its answer, which `keep` gets before its end is sent."""
        state, request = self._state, generation.request
        head = state.new_head(request.model)
        async with AsyncExitStack() as stack:
            stack.enter_context(state.limits.running_request(exchange.caller))
            money = await stack.enter_async_context(state.spending.reserved(exchange.caller))
            scope = stack.enter_context(state.stoppable())
            sender = StreamSender(
                exchange, self._form.encoder(head, request), settings=state.settings
            )

            async def work(sink: Sink | None) -> ServedAnswer:
                found = await self._run(exchange, generation, money=money, sink=sink)
                if request.is_stored:
                    await self._store(exchange, generation, head=head, found=found)
                keep(KeptAnswer(head=head, answer=found))
                return found

            async def respond() -> None:
                if request.stream:
                    await sender.send(work)
                else:
                    found = await work(None)
                    await exchange.send_json(self._form.complete(found, head, request))

            with scope:
                if generation.served.on_disconnect == "finish":
                    await respond()
                else:
                    await exchange.while_connected(respond)
            if scope.cancelled_caught:
                if not exchange.is_started:
                    raise state.stopping_error()
                await sender.fail(state.stopping_error())

    async def _run(
        self,
        exchange: HttpExchange,
        generation: Generation,
        *,
        money: Reservation,
        sink: Sink | None,
    ) -> ServedAnswer:
        request = generation.request
        options: dict[str, Any] = {
            "settings": request.settings,
            "labels": {"tenant": exchange.caller.tenant, "request_id": exchange.request_id},
        }
        if generation.external:
            options["tools"] = list(generation.external.values())
            options["tool_choice"] = request.tool_choice
        if money.budget is not None:
            options["budget"] = money.budget
        if generation.output_type is not None:
            options["output_type"] = generation.output_type
        if generation.served.deps is not None:
            options["deps"] = await generation.served.deps_for(exchange.caller)
        history = generation.history
        if request.instructions:
            history = History([SystemMessage(request.instructions)]) + history
        try:
            found = await answer(
                generation.agent,
                history=history,
                options=options,
                external=generation.external,
                is_structured=generation.output_type is not None
                or generation.agent.has_output_type,
                parking=generation.parking,
                sink=sink,
            )
        except ToolDefinitionError as error:
            if not generation.external:
                raise
            raise ServiceError(str(error), code="invalid_value", param="tools") from error
        money.spend(found.response.usage)
        return found

    async def _store(
        self,
        exchange: HttpExchange,
        generation: Generation,
        *,
        head: AnswerHead,
        found: ServedAnswer,
    ) -> None:
        """Store an answer and what is new in its conversation, before its end is sent."""
        request, conversation = generation.request, generation.conversation
        known = len(conversation.history) + (1 if request.instructions else 0)
        value = self._form.complete(found, head, request)
        new = NewResponse(
            id=response_name(head.id),
            agent=request.model,
            value=value,
            items=request.items,
            messages=found.history[known:],
            run_id=found.run_id,
        )
        await self._state.require_responses().keep(new, conversation, exchange.caller)

    async def _send_again(
        self, exchange: HttpExchange, kept: KeptAnswer, request: ReceivedRequest
    ) -> None:
        """Send an answer that was sent before."""
        if not request.stream:
            await exchange.send_json(self._form.complete(kept.answer, kept.head, request))
            return

        async def work(sink: Sink) -> ServedAnswer:
            for block in kept.answer.response.message.content:
                match block:
                    case TextContent(text=text):
                        await sink(TextPiece(text=text))
                    case ReasoningContent(text=text):
                        await sink(ReasoningPiece(text=text))
                    case _:
                        pass
            return kept.answer

        encoder = self._form.encoder(kept.head, request)
        await StreamSender(exchange, encoder, settings=self._state.settings).send(work)


class CountTokens:
    """The route that counts the tokens of a request in the Anthropic format."""

    def __init__(self, state: ServiceState) -> None:
        self._state = state

    async def __call__(self, exchange: HttpExchange) -> None:
        """Answer one request with the tokens of the first exchange that it would lead to."""
        state = self._state
        _, values = await exchange.read_json(state.settings.max_body_bytes)
        request = read_messages_request(values, is_count=True)
        agent = state.find_agent(request.model, exchange.caller).agent
        _external_tools(request, agent)
        tools = agent.toolset.tools if isinstance(agent.toolset, StaticToolset) else ()
        own = agent.instructions if isinstance(agent.instructions, str) else ""
        history = History(request.messages)
        count = new_counter(agent.model.profile).count(
            ModelRequest(
                history=history,
                instructions=own,
                tools=(*(tool.spec for tool in tools), *request.tools),
            )
        )
        await exchange.send_json(encode_token_count(count))


def _continued(history: History, request: ReceivedRequest) -> History:
    """Return a conversation with what a request adds.

    Raises:
        HistoryError: it cannot follow.
        InvalidRequestError: a call has no result.
    """
    grown = history + request.messages
    if grown.open_calls:
        reason = f"no tool output found for function call {grown.open_calls[0].id}"
        raise InvalidRequestError(reason, path=("input",))
    return grown


def _ignore_answer(found: KeptAnswer) -> None:
    """Keep nothing of an answer without a key."""


def _external_tools(request: ReceivedRequest, agent: Agent[Any, Any]) -> dict[str, Tool]:
    """Return the client's tools by name; none if they must not be called.

    Raises:
        InvalidRequestError: one cannot be offered, or has the name of one of the agent's tools.
    """
    own = agent.toolset.tools if isinstance(agent.toolset, StaticToolset) else ()
    names = {tool.name for tool in own}
    found: dict[str, Tool] = {}
    for place, offer in enumerate(request.tools):
        if offer.name in names:
            reason = f"the agent has a tool {offer.name!r} of its own"
            raise InvalidRequestError(reason, path=("tools", place))
        try:
            found[offer.name] = Tool.external(
                name=offer.name, description=offer.description, input_schema=offer.input_schema
            )
        except ToolDefinitionError as error:
            raise InvalidRequestError(str(error), path=("tools", place)) from error
    return {} if request.tool_choice.mode == "none" else found
