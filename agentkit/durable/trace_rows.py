"""Keep the traces of the lives of a run, so that their spans can be linked.

In:  a run, in a life.
Out: a row for each life whose process exports spans; nothing is read or written otherwise.

They are rows of `ak_effects`, under keys that no effect has.
"""

import time

from agentkit.store.base import Store, Transaction
from agentkit.telemetry.run_links import span_linkers

_READ = (
    "SELECT value FROM ak_effects WHERE run_id = ? AND key LIKE 'trace/%' ORDER BY begun_at, key"
)
_WRITE = (
    "INSERT INTO ak_effects (run_id, key, life, value, begun_at, done_at) "
    "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (run_id, key) DO NOTHING"
)


async def link_earlier_lives(store: Store, run_id: str) -> None:
    """Link the next span of a run to those of its earlier lives and segments."""
    linkers = span_linkers()
    if not linkers:
        return
    traces = [value for [value] in await store.run(_READ, (run_id,))]
    for linker in linkers:
        linker.link_next(run_id, traces)


def find_trace(run_id: str) -> str | None:
    """Return the trace of the span of a run, if this process exports it."""
    for linker in span_linkers():
        if trace := linker.trace_of(run_id):
            return trace
    return None


def store_trace(transaction: Transaction, run_id: str, *, life: int, trace: str | None) -> None:
    """Store the trace of a life, once."""
    if trace is not None:
        now = time.time_ns() // 1000
        transaction.run(_WRITE, (run_id, f"trace/{life}", life, trace, now, now))
