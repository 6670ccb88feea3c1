"""The agent loop.

In:  a state to begin from, a policy, and the steps that act.
Out: a `RunResult`; on the way, events.

This is the only loop: streamed and whole, sync and async, fresh and resumed runs all pass here.
"""

from typing import Any, assert_never

from agentkit.agent.journal import Steps
from agentkit.agent.result import RunResult
from agentkit.agent.step import (
    CallModel,
    Finish,
    PlanCalls,
    Policy,
    RunState,
    RunTools,
    Suspend,
    next_step,
)
from agentkit.event import Emit, RunFinished, RunStarted
from agentkit.message import ToolResult, UserMessage
from agentkit.output.output_plan import PLAIN_TEXT, OutputPlan
from agentkit.output.output_type import OutputError


async def run_loop(
    state: RunState,
    *,
    policy: Policy,
    steps: Steps,
    model: str,
    emit: Emit,
    output: OutputPlan[Any] = PLAIN_TEXT,
) -> RunResult[Any]:
    """Run until there is an answer, a limit, or a call that has to be asked about.

    Args:
        state: where to begin; open calls at the end of its history are run first.
        policy: the limits and what to choose.
        steps: carries out what is decided.
        model: the model's name, for the result.
        emit: told of all that happens.
        output: reads the answer.

    Raises:
        OutputError: the model gave no answer of the type that was asked for, however often it was
            told.
    """
    await emit(RunStarted(model=model))
    while True:
        match next_step(state, policy):
            case CallModel() as step:
                exchange = await steps.call_model(state, step)
                state = state.add_exchange(exchange, closing=step.closing)
            case PlanCalls(calls=calls):
                state = state.add_plan(await steps.plan_calls(state, calls))
            case RunTools(calls=calls):
                state = state.add_answers(await steps.run_tools(state, calls))
            case Suspend():
                result = RunResult.of(state, "suspended", model=model, output=output)
                return await _end(result, emit=emit)
            case Finish(reason=reason):
                result = RunResult.of(state, reason, model=model, output=output)
                return await _end(result, emit=emit)
            case unreachable:
                assert_never(unreachable)


async def _end(result: RunResult[Any], *, emit: Emit) -> RunResult[Any]:
    """Tell the listener, and return the result.

    Raises:
        OutputError: the model used up its tries.
    """
    await emit(
        RunFinished(
            output=result.text,
            stop_reason=result.stop_reason,
            usage=result.usage,
            turns=result.turns,
        )
    )
    if result.stop_reason == "invalid_output":
        last = result.history[-1]
        raise OutputError(
            "The model gave no answer of the type that was asked for, however often it was told; "
            "what it was told last is in 'reason'.",
            reason=last.text if isinstance(last, UserMessage | ToolResult) else "",
            text=result.text,
            history=result.history,
        )
    return result
