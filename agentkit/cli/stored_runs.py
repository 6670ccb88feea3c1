"""The work of `agentkit runs`.

In:  the address of a database, ids, decisions.
Out: tables, events or JSON on standard output, and exit codes.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar, cast

import anyio
from rich.table import Table

from agentkit.cli.exit_codes import FAILED, OK, SUSPENDED
from agentkit.cli.followed_run import follow_run
from agentkit.cli.terminal import escape_controls, note, shorten, show_table, write, write_json
from agentkit.config.user_files import user_database
from agentkit.durable import RunInfo, Runs, RunStatus, ScheduleInfo, open_runs
from agentkit.errors import UsageError
from agentkit.message import ToolCall
from agentkit.tools.approval import Approval
from agentkit.tools.question import answered_arguments, question_in

T = TypeVar("T")

_SHOWN = 50
_FOLLOWED = {"done": OK, "suspended": SUSPENDED}


class StoredRuns:
    """The runs of one tenant in one database."""

    def __init__(self, url: str | None, *, tenant: str = "") -> None:
        """Use a database; None is the user's own."""
        self._url = url or user_database()
        self._tenant = tenant

    def start(self, agent: str, prompt: str, *, run_id: str | None, at: datetime | None) -> int:
        """Queue a run, and print its id.

        Raises:
            AgentKitError: the database cannot be used, or the id is in use.
        """
        due = None if at is None else at.replace(tzinfo=UTC)
        info = self._with_runs(
            lambda runs: runs.start(agent, prompt, run_id=run_id, at=due, tenant=self._tenant)
        )
        write(f"{info.id}\n")
        return OK

    def list(self, *, status: str | None, agent: str | None, limit: int, as_json: bool) -> int:
        """Print runs, newest first.

        Raises:
            AgentKitError: the database cannot be used.
        """
        page = self._with_runs(
            lambda runs: runs.list(
                tenant=self._tenant,
                status=cast(RunStatus | None, status),  # the option has the same values
                agent=agent,
                limit=limit,
            )
        )
        if as_json:
            write_json(json.dumps([_facts(info) for info in page.runs], indent=2))
            return OK
        table = Table("Id", "Agent", "Status", "Started", "Answer", box=None, pad_edge=False)
        for info in page.runs:
            table.add_row(
                escape_controls(info.id),
                escape_controls(info.agent),
                info.status,
                f"{info.created_at:%Y-%m-%d %H:%M} UTC",
                escape_controls(shorten(_answer(info), _SHOWN)),
            )
        show_table(table)
        if page.next is not None:
            note("There are more; see --limit.", style="dim")
        return OK

    def show(self, run_id: str, *, follow: bool, as_json: bool) -> int:
        """Print a run; if it is followed, what it does until it ends or waits.

        The exit code of a followed run is that of its outcome.

        Raises:
            AgentKitError: the database cannot be used, or there is no such run.
        """

        async def work(runs: Runs) -> RunInfo:
            if follow and not as_json:
                await follow_run(runs.events(run_id, tenant=self._tenant))
            find = runs.wait if follow else runs.get
            return await find(run_id, tenant=self._tenant)

        info = self._with_runs(work)
        code = _FOLLOWED.get(info.status, FAILED) if follow else OK
        if as_json:
            write_json(json.dumps(_facts(info), indent=2))
            return code
        lines = [
            f"{info.id}: {info.status}",
            f"agent {info.agent}, segment {info.segment}, life {info.life}, "
            f"{info.usage.total_tokens} tokens",
        ]
        lines += [f"waits for {call.id}: {call.name}({call.arguments})" for call in info.open_calls]
        answer = _answer(info)
        if answer and not (follow and info.status == "done"):  # it was shown already
            lines.append(answer)
        if follow:
            note("\n".join(lines))
        else:
            write("\n".join(lines) + "\n")
        return code

    def events(self, run_id: str, *, after: str | None, follow: bool) -> int:
        """Print the events of a run, one line of JSON each.

        Raises:
            AgentKitError: the database cannot be used, or there is no such run.
            UsageError: `after` is not the place of an event.
        """

        async def work(runs: Runs) -> None:
            try:
                stored = runs.events(run_id, after=after, tenant=self._tenant, follow=follow)
            except ValueError as error:
                raise UsageError(str(error)) from error
            async for record in stored:
                write_json(record.to_json())

        self._with_runs(work)
        return OK

    def decide(
        self,
        run_id: str,
        *,
        approve: Sequence[str],
        deny: Sequence[str],
        reason: str,
        arguments: str | None,
        answer: str | None = None,
    ) -> int:
        """Decide open calls of a run.

        Raises:
            AgentKitError: the database cannot be used, or a call does not wait for a decision.
            UsageError: the options do not fit each other.
        """
        if not approve and not deny and answer is None:
            raise UsageError("Name calls with --approve or --deny; 'all' means all of the run.")
        if answer is not None and (approve or deny or arguments is not None):
            raise UsageError("--answer stands alone; it approves the call that asks.")
        if arguments is not None and (len(approve) != 1 or "all" in approve or deny):
            raise UsageError("--arguments are for one call, which --approve names.")

        async def work(runs: Runs) -> RunInfo:
            calls = (await runs.get(run_id, tenant=self._tenant)).open_calls
            approvals = [
                Approval.approve(call, arguments=arguments) for call in _chosen(calls, approve)
            ]
            approvals += [Approval.deny(call, reason=reason) for call in _chosen(calls, deny)]
            if answer is not None:
                approvals.append(_answered(calls, answer))
            return await runs.decide(
                run_id, approvals, decided_by="command line", tenant=self._tenant
            )

        info = self._with_runs(work)
        note(f"Decided; the run is {info.status}.")
        return OK

    def change(self, run_id: str, *, retry: bool) -> int:
        """Cancel or retry a run.

        Raises:
            AgentKitError: the database cannot be used, or the run's status does not permit it.
        """

        async def work(runs: Runs) -> RunInfo:
            act = runs.retry if retry else runs.cancel
            return await act(run_id, tenant=self._tenant)

        info = self._with_runs(work)
        waits = not retry and not info.has_ended
        note("Its worker was asked to cancel it." if waits else f"The run is {info.status}.")
        return OK

    def schedule(self, name: str, agent: str, prompt: str, *, cron: str) -> int:
        """Store a schedule, and print when its next run begins.

        Raises:
            AgentKitError: the database cannot be used, or `cron` is not a cron expression.
        """

        async def work(runs: Runs) -> ScheduleInfo:
            await runs.schedule(name, agent, prompt, cron=cron, tenant=self._tenant)
            found = await runs.schedules(tenant=self._tenant)
            return next(info for info in found if info.name == name)

        info = self._with_runs(work)
        note(f"The next run begins at {info.next_at:%Y-%m-%d %H:%M} UTC.")
        return OK

    def schedules(self, *, as_json: bool) -> int:
        """Print the schedules.

        Raises:
            AgentKitError: the database cannot be used.
        """
        found = self._with_runs(lambda runs: runs.schedules(tenant=self._tenant))
        if as_json:
            facts = [
                {
                    "name": info.name,
                    "agent": info.agent,
                    "cron": info.cron,
                    "next_at": info.next_at.isoformat(),
                }
                for info in found
            ]
            write_json(json.dumps(facts, indent=2))
            return OK
        table = Table("Name", "Agent", "Times", "Next", box=None, pad_edge=False)
        for info in found:
            table.add_row(
                escape_controls(info.name),
                escape_controls(info.agent),
                info.cron,
                f"{info.next_at:%Y-%m-%d %H:%M} UTC",
            )
        show_table(table)
        return OK

    def unschedule(self, name: str) -> int:
        """Remove a schedule.

        Raises:
            AgentKitError: the database cannot be used, or there is no such schedule.
        """
        self._with_runs(lambda runs: runs.unschedule(name, tenant=self._tenant))
        note("Removed; its runs stay.")
        return OK

    def _with_runs(self, work: Callable[[Runs], Awaitable[T]]) -> T:
        async def run() -> T:
            async with open_runs(self._url) as runs:
                return await work(runs)

        return anyio.run(run)


def _chosen(calls: Sequence[ToolCall], names: Sequence[str]) -> list[ToolCall]:
    """Return the open calls that are named; one that is not open has no arguments to decide on.

    Raises:
        UsageError: a name is not that of an open call.
    """
    if "all" in names:
        return list(calls)
    found = {call.id: call for call in calls}
    for name in names:
        if name not in found:
            known = ", ".join(found) or "none"
            raise UsageError(f"The run has no open call {name!r}; it waits for {known}.")
    return [found[name] for name in names]


def _answered(calls: Sequence[ToolCall], answer: str) -> Approval:
    """Return the approval of the call that asks a question, with the answer.

    Raises:
        UsageError: no call asks, or several do.
    """
    asking = [call for call in calls if question_in(call) is not None]
    if len(asking) != 1:
        raise UsageError(
            f"The run asks {len(asking)} questions; --answer is for one. Answer each with "
            "--approve CALL --arguments JSON."
        )
    return Approval.approve(asking[0], arguments=answered_arguments(asking[0], answer))


def _answer(info: RunInfo) -> str:
    if info.error is not None:
        return info.error.message
    return info.text


def _facts(info: RunInfo) -> dict[str, object]:
    error = info.error
    return {
        "id": info.id,
        "tenant": info.tenant,
        "agent": info.agent,
        "status": info.status,
        "segment": info.segment,
        "life": info.life,
        "labels": dict(info.labels),
        "stop_reason": info.stop_reason,
        "text": info.text,
        "output": info.output,
        "error": None if error is None else {"kind": error.kind, "message": error.message},
        "open_calls": [
            {"id": call.id, "name": call.name, "arguments": call.arguments}
            for call in info.open_calls
        ],
        "due_at": _time(info.due_at),
        "created_at": _time(info.created_at),
        "started_at": _time(info.started_at),
        "ended_at": _time(info.ended_at),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
