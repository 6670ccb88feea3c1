"""Steps that act at once: on the open model, on the tools as they are now.

In:  a model connection, a toolset, what the caller handed in.
Out: `LiveSteps`, the `Steps` of an ordinary run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agentkit.agent.step import CallModel, RunState
from agentkit.chat import ModelRequest, ModelResponse, ModelSettings, ToolSpec
from agentkit.clock import Clock
from agentkit.event import AnswerMended, Emit, ModelResponded, ToolCallRefused, TurnStarted
from agentkit.message import ToolCall, ToolResult
from agentkit.model.model import ModelConnection
from agentkit.tool.execute import execute_calls
from agentkit.tool.plan import plan_calls
from agentkit.tool.tool import Tool
from agentkit.tool.toolset import Toolset, index_tools
from agentkit.tool.validate import ReadyCall, validate_call

CLOSING_INSTRUCTIONS = (
    "You have reached the limit of steps for this task and can call no more tools. "
    "Give the best answer you can from what you have, and say what is missing."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInput:
    """What stays the same for a whole run."""

    instructions: str = ""
    settings: ModelSettings = field(default_factory=ModelSettings)
    stream: bool = False
    deps: object = None
    tool_concurrency: int = 8
    tool_timeout_seconds: float | None = 60.0


class LiveSteps:
    """Calls the model and runs the tools of one run."""

    def __init__(
        self,
        connection: ModelConnection,
        toolset: Toolset,
        *,
        given: RunInput,
        clock: Clock,
        emit: Emit,
    ) -> None:
        self._connection = connection
        self._toolset = toolset
        self._given = given
        self._clock = clock
        self._emit = emit
        self._listed: tuple[Tool, ...] = ()
        self._specs: tuple[ToolSpec, ...] = ()
        self._tools: Mapping[str, Tool] = {}
        self._offered: Mapping[str, Tool] | None = None

    async def call_model(self, state: RunState, step: CallModel) -> ModelResponse:
        """Make one exchange; see `Steps`."""
        turn = state.turns + 1
        await self._emit(TurnStarted(turn=turn))
        tools = await self._list_tools()
        self._offered = tools if step.closing is None else {}
        instructions = self._given.instructions
        if step.closing is not None:
            instructions = f"{instructions}\n\n{CLOSING_INSTRUCTIONS}".strip()
        request = ModelRequest(
            history=state.history,
            instructions=instructions,
            tools=self._specs if self._offered else (),
            tool_choice=step.choice,
            settings=self._given.settings,
            stream=self._given.stream,
        )
        started = self._clock.monotonic()
        response = await self._connection.chat(request, emit=self._emit)
        for mending in response.mendings:
            await self._emit(AnswerMended(mending=mending))
        await self._emit(
            ModelResponded(
                turn=turn,
                message=response.message,
                finish_reason=response.finish_reason,
                usage=response.usage,
                seconds=self._clock.monotonic() - started,
                model=response.model,
                host=response.host,
            )
        )
        return response

    async def run_tools(self, calls: Sequence[ToolCall]) -> list[ToolResult]:
        """Check and run `calls`; see `Steps`."""
        if self._offered is None:
            self._offered = await self._list_tools()
        offered = self._offered
        results: dict[str, ToolResult] = {}
        ready: list[ReadyCall] = []
        for call in calls:
            checked = validate_call(call, offered)
            if isinstance(checked, ToolResult):
                results[call.id] = checked
                await self._emit(ToolCallRefused(call=call, result=checked))
                continue
            for mending in checked.mendings:
                await self._emit(AnswerMended(mending=mending))
            ready.append(checked)
        for stage in plan_calls(ready):
            for result in await execute_calls(
                stage,
                deps=self._given.deps,
                emit=self._emit,
                clock=self._clock,
                concurrency=self._given.tool_concurrency,
                timeout_seconds=self._given.tool_timeout_seconds,
            ):
                results[result.call_id] = result
        return [results[call.id] for call in calls]

    async def _list_tools(self) -> Mapping[str, Tool]:
        """Ask for the tools of this turn; the same ones keep their specs, so are encoded once."""
        listed = tuple(await self._toolset.list_tools())
        if listed != self._listed:
            self._tools = index_tools(listed)
            self._listed = listed
            self._specs = tuple(tool.spec for tool in self._tools.values())
        return self._tools
