"""Runs that survive the process they began in."""

from agentkit.agent.journal import Journal
from agentkit.durable.journal import FileJournal, MemoryJournal
from agentkit.durable.sql_journal import SqlJournal

__all__ = [
    "FileJournal",
    "Journal",
    "MemoryJournal",
    "SqlJournal",
]
