"""Store a run that is to be done.

In:  an agent's name, a conversation to answer, an id.
Out: a row in the queue, once for each id.
"""

import secrets
import time
from collections.abc import Mapping
from datetime import datetime

from agentkit.durable.run_info import from_moment
from agentkit.durable.run_queue import QUEUE_TOPIC
from agentkit.history import History
from agentkit.session.message_codec import encode_json
from agentkit.store.base import Transaction
from agentkit.surrogates import replace_surrogates
from agentkit.value import dataclass

MAX_NAME_LENGTH = 200

_INSERT = (
    "INSERT INTO ak_runs (id, tenant, agent, segment, life, status, input, labels, due_at, "
    "created_at) VALUES (?, ?, ?, 1, 0, 'queued', ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING "
    "RETURNING id"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run to be stored; times are microseconds since 1970, and 0 is at once."""

    id: str
    tenant: str
    agent: str
    input: str
    labels: str
    due_at: int
    created_at: int


def new_run(
    agent: str,
    history: History,
    *,
    run_id: str | None,
    tenant: str,
    labels: Mapping[str, str],
    due_at: datetime | None,
    now: int,
) -> NewRun:
    """Return a run to be stored; see `Runs.start`.

    Raises:
        ValueError: a name cannot be kept, or `due_at` has no time zone.
    """
    return NewRun(
        id=check_name("run_id", run_id or make_run_id()),
        tenant=check_name("tenant", tenant),
        agent=check_name("agent", agent),
        input=replace_surrogates(history.to_json()),
        labels=encode_json(dict(labels)),
        due_at=0 if due_at is None else from_moment(due_at),
        created_at=now,
    )


def insert_run(transaction: Transaction, run: NewRun) -> bool:
    """Store a run, and return whether its id was free."""
    values = (run.id, run.tenant, run.agent, run.input, run.labels, run.due_at, run.created_at)
    if not transaction.run(_INSERT, values):
        return False
    transaction.notify(QUEUE_TOPIC)
    return True


def make_run_id() -> str:
    """Return a new id that no one can guess; ids of one time are near each other in an index."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


def check_name(field: str, value: str) -> str:
    """Return a name that a caller chose, if both databases keep and find it as it is.

    Raises:
        ValueError: it is too long, or holds characters that no name needs.
    """
    if len(value) > MAX_NAME_LENGTH or not value.isprintable():
        raise ValueError(
            f"The {field} {value[:MAX_NAME_LENGTH]!r} is not a name: it has up to "
            f"{MAX_NAME_LENGTH} printable characters."
        )
    return value
