"""How many stored runs wait for a worker or are done now, over all tenants and processes.

In:  a database.
Out: `QueueLength`s, for metrics. Only rows that an index holds are read.
"""

from collections.abc import Sequence
from typing import Literal

from agentkit.store.base import Store
from agentkit.value import dataclass

_QUEUED = (
    "SELECT agent, count(*), min(CASE WHEN due_at > created_at THEN due_at ELSE created_at END) "
    "FROM ak_runs WHERE status = 'queued' AND due_at <= ? GROUP BY agent ORDER BY agent"
)
_RUNNING = (
    "SELECT agent, count(*) FROM ak_runs WHERE status = 'running' AND worker IS NOT NULL "
    "GROUP BY agent ORDER BY agent"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLength:
    """The runs of one agent with one status.

    Attributes:
        count: how many; queued ones only if they are due.
        oldest_seconds: how long the oldest queued one has waited; 0 for running ones.
    """

    agent: str
    status: Literal["queued", "running"]
    count: int
    oldest_seconds: float = 0.0


async def queue_lengths(store: Store, *, now: int) -> Sequence[QueueLength]:
    """Return the lengths, by status and agent; `now` in microseconds."""
    queued = [
        QueueLength(
            agent=agent,
            status="queued",
            count=count,
            oldest_seconds=max(0.0, (now - since) / 1e6),
        )
        for agent, count, since in await store.run(_QUEUED, (now,))
    ]
    running = [
        QueueLength(agent=agent, status="running", count=count)
        for agent, count in await store.run(_RUNNING)
    ]
    return [*queued, *running]
