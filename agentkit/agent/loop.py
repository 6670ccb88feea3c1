"""The agent loop.

In:  a run, and the agent that it begins with.
Out: a `RunResult`; on the way, events.

This is the only loop: streamed and complete, sync and async, fresh and resumed runs all pass here.
"""

from collections.abc import Mapping
from typing import Any, assert_never

import anyio

from agentkit.agent.handoff import Handler, Team
from agentkit.agent.journal import HeldJournal
from agentkit.agent.model_call import call_model
from agentkit.agent.result import RunResult, build_result, check_result
from agentkit.agent.run import Run
from agentkit.agent.step import CallModel, Finish, PlanCalls, RunTools, Suspend, next_step
from agentkit.agent.tool_calls import plan_open_calls, run_tools
from agentkit.errors import ProviderError
from agentkit.event import RunError, RunFailed, RunFinished, RunStarted, StopReason
from agentkit.log import add_log_facts, restore_log_facts

_REPORT_SECONDS = 5.0
"""How long listeners may take with the last event of a run that was cancelled."""


async def run_agent(run: Run, first: Handler) -> RunResult[Any]:
    """Run from the first event to the last.

    Raises:
        ProviderError: an exchange failed.
        OutputError: the model gave no valid structured output within the allowed attempts.
    """
    around: Mapping[str, object] | None = None
    try:
        run.meter.check_price(first.model.profile, model=first.model.name)
        await run.identify()
        around = add_log_facts(_log_facts(run))
        if run.report.is_active:
            started = RunStarted(
                agent=run.agent,
                model=run.model.name,
                labels=run.labels,
                budget=run.meter.limits.described(),
            )
            await run.report.emit(started, is_replay=run.is_replay)
        async with Team(first, run) as team:
            result = await run_loop(run, team)
    except BaseException as error:
        if run.report.is_active:
            await _report_error(run, error)
        raise
    finally:
        if around is not None:
            restore_log_facts(around)
        if run.has_journal and isinstance(run.journal, HeldJournal):
            run.journal.release()
    run.draft.begin(result.history)
    if run.report.is_active:
        finished = RunFinished(
            text=result.text,
            stop_reason=result.stop_reason,
            usage=result.usage,
            turns=result.turns,
        )
        await run.report.emit(finished, is_replay=run.is_replay)
    return check_result(result)


def _log_facts(run: Run) -> Mapping[str, object]:
    """Return what each log line of a run carries."""
    session = run.labels.get("session")
    if session is None:
        return {"run_id": run.id, "agent": run.agent}
    return {"run_id": run.id, "agent": run.agent, "session": session}


async def run_loop(run: Run, team: Team) -> RunResult[Any]:
    """Run until there is an answer, a limit, or a call that needs approval."""
    state = run.start_state()
    while True:
        match next_step(state, run.policy):
            case CallModel() as step:
                state = await call_model(run, team.member, state, step)
            case PlanCalls(calls=calls):
                state = await plan_open_calls(run, team.member, state, calls)
            case RunTools(calls=calls):
                state = await run_tools(run, team.member, state, calls)
                await team.hand_off(state, calls)
            case Suspend():
                reason: StopReason = "suspended"
                break
            case Finish(reason=reason):
                break
            case unreachable:
                assert_never(unreachable)
    return build_result(run, state, reason, agent=team.agent.name, model=team.agent.model.name)


async def _report_error(run: Run, error: BaseException) -> None:
    """Report that a run failed or was cancelled; who cancelled it does not wait long."""
    if isinstance(error, Exception):
        await run.report.emit(RunFailed(error=describe_error(error)))
    elif isinstance(error, anyio.get_cancelled_exc_class()):
        finished = RunFinished(
            text="",
            stop_reason="cancelled",
            usage=run.meter.usage,
            turns=run.meter.spent.turns,
        )
        with anyio.move_on_after(_REPORT_SECONDS, shield=True):
            await run.report.emit(finished)


def describe_error(error: Exception) -> RunError:
    """Return why a run failed, as a value."""
    if isinstance(error, ProviderError):
        return RunError(
            kind=error.kind,
            message=str(error),
            status=error.status,
            request_id=error.request_id,
            attempts=error.attempts,
            retryable=error.retryable,
        )
    return RunError(kind=type(error).__name__, message=str(error))
