"""Decisions of people about the calls of suspended runs.

In:  approvals for the open calls of a run.
Out: rows of `ak_decisions`; when all calls are decided, the next segment in the queue.
"""

from collections.abc import Sequence
from typing import cast

from agentkit.durable.event_rows import event_of, insert_records
from agentkit.durable.run_errors import DecisionError, RunNotFoundError, RunStatusError
from agentkit.durable.run_info import COLUMNS, RunInfo, read_run
from agentkit.durable.run_queue import QUEUE_TOPIC, run_topic
from agentkit.event import ApprovalDecided
from agentkit.message import ToolCall
from agentkit.store.base import Row, StoreKind, Transaction
from agentkit.tools.approval import Approval, call_digest

READ_DECISIONS = (
    "SELECT call_id, verdict, arguments, reason FROM ak_decisions WHERE run_id = ? AND segment = ?"
)
_LOCK = {"sqlite": "", "postgresql": " FOR UPDATE"}
_FIND = f"SELECT {COLUMNS} FROM ak_runs WHERE id = ? AND tenant = ?{{lock}}"  # noqa: S608 - constants
_INSERT = (
    "INSERT INTO ak_decisions (run_id, segment, call_id, verdict, arguments, reason, decided_by, "
    "at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING call_id"
)
_COUNT = "SELECT count(*) FROM ak_decisions WHERE run_id = ? AND segment = ?"
_NEXT_SEGMENT = (
    "UPDATE ak_runs SET status = 'queued', segment = segment + 1, attempts = 0, due_at = 0 "
    "WHERE id = ?"
)


def find_run(
    transaction: Transaction, run_id: str, *, tenant: str, kind: StoreKind
) -> tuple[RunInfo, Row]:
    """Return a run that no one else changes until the transaction ends, and its row.

    Raises:
        RunNotFoundError: there is none with this id for the tenant.
    """
    rows = transaction.run(_FIND.format(lock=_LOCK[kind]), (run_id, tenant))
    if not rows:
        raise run_not_found(run_id)
    return read_run(rows[0]), rows[0]


def run_not_found(run_id: str) -> RunNotFoundError:
    """Return the error for an id without a run."""
    return RunNotFoundError(f"There is no run {run_id!r}.")


def decide_calls(
    transaction: Transaction,
    run: tuple[RunInfo, Row],
    approvals: Sequence[Approval],
    *,
    decided_by: str | None,
    now: int,
) -> bool:
    """Store decisions, and return whether the run goes on because all its calls are decided.

    Raises:
        RunStatusError: the run does not wait for decisions.
        DecisionError: a call does not wait for a decision, or was decided before.
    """
    info, row = run
    if info.status != "suspended":
        raise RunStatusError(f"The run {info.id!r} is {info.status} and waits for no decision.")
    calls = {call.id: call for call in info.open_calls}
    records = []
    for approval in approvals:
        _check(approval, calls.get(approval.call_id), info)
        verdict = approval.verdict
        values = (verdict.decision, verdict.arguments, verdict.reason, decided_by, now)
        if not transaction.run(_INSERT, (info.id, info.segment, approval.call_id, *values)):
            raise DecisionError(
                f"The call {approval.call_id!r} of the run {info.id!r} was decided before."
            )
        event = ApprovalDecided(
            call_id=approval.call_id,
            verdict="allow" if verdict.decision == "allow" else "deny",
            arguments=verdict.arguments,
            reason=verdict.reason,
            decided_by=decided_by,
        )
        records.append(event_of(info.id, event, at=now))
    last = insert_records(transaction, info.id, segment=info.segment, last=row[18], records=records)
    transaction.run("UPDATE ak_runs SET event_count = ? WHERE id = ?", (last, info.id))
    transaction.notify(run_topic(info.id))
    [[count]] = transaction.run(_COUNT, (info.id, info.segment))
    if count < len(calls):
        return False
    transaction.run(_NEXT_SEGMENT, (info.id,))
    transaction.notify(QUEUE_TOPIC)
    return True


def read_approval(call: ToolCall, decision: Row) -> Approval:
    """Return the approval of a stored decision about a call."""
    verdict, arguments, reason = decision
    if verdict == "allow":
        return Approval.approve(call, arguments=cast(str | None, arguments))
    return Approval.deny(call, reason=cast(str, reason or ""))


def _check(approval: Approval, call: ToolCall | None, info: RunInfo) -> None:
    if call is None:
        names = ", ".join(one.id for one in info.open_calls)
        raise DecisionError(
            f"The run {info.id!r} has no open call {approval.call_id!r}; it waits for {names}."
        )
    if approval.digest != call_digest(call):
        raise DecisionError(
            f"The decision about {approval.call_id!r} was made for other arguments than those the "
            "call has."
        )
    if approval.verdict.decision not in ("allow", "deny"):
        raise DecisionError(f"A decision is 'allow' or 'deny', not {approval.verdict.decision!r}.")
