"""The agent loop.

In:  a state to begin from, a policy, and the steps that act.
Out: a `RunResult`; on the way, events.

This is the only loop: streamed and whole, sync and async, fresh and resumed runs all pass here.
"""

from typing import assert_never

from agentkit.agent.ports import Steps
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


async def run_loop(
    state: RunState, *, policy: Policy, steps: Steps, model: str, emit: Emit
) -> RunResult:
    """Run until there is an answer, a limit, or a call that has to be asked about.

    Args:
        state: where to begin; open calls at the end of its history are run first.
        policy: the limits and what to choose.
        steps: carries out what is decided.
        model: the model's name, for the result.
        emit: told of all that happens.
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
                return await _end(RunResult.of(state, "suspended", model=model), emit=emit)
            case Finish(reason=reason):
                return await _end(RunResult.of(state, reason, model=model), emit=emit)
            case unreachable:
                assert_never(unreachable)


async def _end(result: RunResult, *, emit: Emit) -> RunResult:
    """Tell the listener, and return the result."""
    await emit(
        RunFinished(
            output=result.output,
            stop_reason=result.stop_reason,
            usage=result.usage,
            turns=result.turns,
        )
    )
    return result
