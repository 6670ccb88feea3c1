"""Runs that survive the process they began in."""

from agentkit.agent.journal import Journal
from agentkit.durable.event_reader import StoredEvents
from agentkit.durable.journal import FileJournal, MemoryJournal
from agentkit.durable.queue_length import QueueLength
from agentkit.durable.run_errors import (
    DecisionError,
    RunExistsError,
    RunNotFoundError,
    RunStatusError,
    StoredRunError,
)
from agentkit.durable.run_info import RunInfo, RunPage, RunStatus
from agentkit.durable.runs import Runs, open_runs
from agentkit.durable.schedules import ScheduleInfo
from agentkit.durable.sql_journal import SqlJournal

__all__ = [
    "DecisionError",
    "FileJournal",
    "Journal",
    "MemoryJournal",
    "QueueLength",
    "RunExistsError",
    "RunInfo",
    "RunNotFoundError",
    "RunPage",
    "RunStatus",
    "RunStatusError",
    "Runs",
    "ScheduleInfo",
    "SqlJournal",
    "StoredEvents",
    "StoredRunError",
    "open_runs",
]
