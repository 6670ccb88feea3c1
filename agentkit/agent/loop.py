"""The agent loop.

In:  a state to begin from, a policy, and the steps that act.
Out: a `RunResult`; on the way, events.

This is the only loop: streamed and whole, sync and async, fresh and resumed runs all pass here.
"""

from typing import assert_never

from agentkit.agent.ports import Steps
from agentkit.agent.result import RunResult
from agentkit.agent.step import CallModel, Finish, Policy, RunState, RunTools, next_step
from agentkit.event import Emit, RunFinished, RunStarted


async def run_loop(
    state: RunState, *, policy: Policy, steps: Steps, model: str, emit: Emit
) -> RunResult:
    """Run until there is an answer or a limit.

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
                response = await steps.call_model(state, step)
                state = state.add_response(response, closing=step.closing)
            case RunTools(calls=calls):
                state = state.add_results(await steps.run_tools(calls))
            case Finish(reason=reason):
                result = RunResult.finished(state, reason, model=model)
                await emit(
                    RunFinished(
                        output=result.output,
                        stop_reason=reason,
                        usage=result.usage,
                        turns=result.turns,
                    )
                )
                return result
            case unreachable:
                assert_never(unreachable)
