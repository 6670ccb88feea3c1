"""For testing agents: scripted models and transports, a clock, contract checks."""

from agentkit.testing.clock import ManualClock
from agentkit.testing.contracts import (
    check_model,
    check_toolset,
    check_transport,
    serve_exchanges,
)
from agentkit.testing.journal_contract import check_journal
from agentkit.testing.scripted import (
    ScriptedAnswer,
    ScriptedExchange,
    ScriptedModel,
    ScriptedTransport,
    tool_call,
)
from agentkit.testing.store_contract import check_store

__all__ = [
    "ManualClock",
    "ScriptedAnswer",
    "ScriptedExchange",
    "ScriptedModel",
    "ScriptedTransport",
    "check_journal",
    "check_model",
    "check_store",
    "check_toolset",
    "check_transport",
    "serve_exchanges",
    "tool_call",
]
