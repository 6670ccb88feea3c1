"""Explain a run: its story, its steps, where its time and its money went.

In:  the records of a run and of the runs inside it.
Out: `Explanation`, a value that is shown on a terminal, as JSON, or as a page.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from agentkit.errors import UsageError
from agentkit.event import EventRecord, RunFailed, RunFinished
from agentkit.telemetry.explain.run_step import CostRow, Step, StoryLine, TimeSplit
from agentkit.telemetry.explain.step_reader import StepReader
from agentkit.telemetry.explain.story import write_story
from agentkit.telemetry.explain.time_split import split_time
from agentkit.usage import NO_USAGE, Usage
from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What a run did.

    Attributes:
        run_id: the outermost run.
        began: when the first record was made.
        outcome: the stop reason, `failed`, or `unfinished` if the records end before the run.
        error: of a run that failed: kind and message.
        seconds: from the beginning to the last record.
        time: where the time went.
        steps: in the order they began.
        costs: by agent and provider.
        story: what happened, in a few sentences.
        remarks: what is worth a look.
        cost_limit_usd: what the run might cost at most; None without a limit.
    """

    run_id: str
    agent: str
    model: str
    began: datetime
    outcome: str
    error: str | None
    segments: int
    lives: int
    seconds: float
    time: TimeSplit
    usage: Usage
    steps: tuple[Step, ...]
    costs: tuple[CostRow, ...]
    story: tuple[StoryLine, ...]
    remarks: tuple[StoryLine, ...]
    cost_limit_usd: Decimal | None = None

    @property
    def exchanges(self) -> int:
        """Return how many exchanges there were, with those of agents inside tools."""
        return sum(step.kind == "model" for step in self.steps)

    def count(self, badge: str) -> int:
        """Return how many steps have a badge."""
        return sum(any(one.text == badge for one in step.badges) for step in self.steps)


def explain(records: Iterable[EventRecord], *, run_id: str | None = None) -> Explanation:
    """Explain one outermost run.

    Args:
        records: in the order they were made; those of other runs are ignored.
        run_id: which run; the last one that began if None.

    Raises:
        UsageError: there is no record of the run.
    """
    listed = list(records)
    roots = [record.run_id for record in listed if record.parent_id is None]
    if not roots or (run_id is not None and run_id not in roots):
        named = "a run" if run_id is None else f"the run {run_id!r}"
        raise UsageError(f"There are no records of {named}.")
    wanted = run_id or roots[-1]
    own = _of_run(listed, wanted)
    reader = StepReader(own[0].at)
    for record in own:
        reader.read(record)
    steps = tuple(reader.steps())
    finished, root = reader.finished, reader.root
    error = finished.error if isinstance(finished, RunFailed) else None
    costs = _costs(steps)
    story, remarks = write_story(steps, finished)
    return Explanation(
        run_id=wanted,
        agent=next((step.agent for step in steps if step.agent), ""),
        model=root.model if root is not None else "",
        began=own[0].at,
        outcome=_outcome(finished),
        error=None if error is None else f"{error.kind}: {error.message}",
        segments=reader.segments,
        lives=reader.lives,
        seconds=reader.seconds,
        time=split_time(reader.intervals, reader.seconds),
        usage=sum((row.usage for row in costs), NO_USAGE),
        steps=steps,
        costs=costs,
        story=story,
        remarks=remarks,
        cost_limit_usd=None if root is None or root.limits is None else root.limits.cost_usd,
    )


def _of_run(records: Sequence[EventRecord], run_id: str) -> list[EventRecord]:
    """Return the records of a run and of all runs inside it."""
    inside = {run_id}
    own: list[EventRecord] = []
    for record in records:
        if record.run_id in inside or record.parent_id in inside:
            inside.add(record.run_id)
            own.append(record)
    return own


def _outcome(finished: RunFinished | RunFailed | None) -> str:
    if finished is None:
        return "unfinished"
    return "failed" if isinstance(finished, RunFailed) else finished.stop_reason


def _costs(steps: Iterable[Step]) -> tuple[CostRow, ...]:
    """Return what each agent used of each provider, in the order of their first exchange."""
    rows: dict[tuple[str, str], CostRow] = {}

    def row(agent: str, provider: str) -> CostRow:
        return rows.setdefault((agent, provider), CostRow(agent=agent, provider=provider))

    for step in steps:
        if step.kind != "model":
            continue
        for attempt in step.attempts:
            if attempt.is_failed:
                named = attempt.provider or step.provider or "unknown"
                old = row(step.agent, named)
                rows[step.agent, named] = replace(old, failed=old.failed + 1)
        if step.provider is not None:
            old = row(step.agent, step.provider)
            usage = old.usage + step.usage
            rows[step.agent, step.provider] = replace(old, exchanges=old.exchanges + 1, usage=usage)
    return tuple(rows.values())
