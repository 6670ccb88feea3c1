"""The log of `--debug`, on standard error.

In:  the records of the package, requests to a model, events of a run.
Out: one line for each, safe on a terminal, without the key of the model.
"""

import logging
import sys
from typing import TypeAlias

from pydantic_core import to_json

from agentkit.agent.agent import Agent
from agentkit.chat import ModelRequest
from agentkit.cli.terminal import escape_controls
from agentkit.event import (
    EventRecord,
    ModelRequested,
    PartialOutputReceived,
    ReasoningReceived,
    TextReceived,
    ToolArgumentsReceived,
)
from agentkit.hooks.model_middleware import wrapped_model
from agentkit.log import Log
from agentkit.model.provider_model import ProviderModel

log: Log = Log("agentkit.cli")

_Delta: TypeAlias = TextReceived | ReasoningReceived | ToolArgumentsReceived | PartialOutputReceived
_REDACTED = "[REDACTED]"


def log_to_standard_error(logger: logging.Logger) -> None:
    """Print all records of a logger, with time and level."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_SafeFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)


def log_requests(agent: Agent[object]) -> None:
    """Log each request of an agent to its model, if debug lines are logged."""
    if not log.is_debug():
        return
    model = agent.model
    key = model.resolved.api_key if isinstance(model, ProviderModel) else None
    secret = "" if key is None else key.get_secret_value()

    def before(request: ModelRequest) -> ModelRequest:
        facts = {
            "instructions": request.instructions,
            "messages": list(request.history),
            "tools": [tool.name for tool in request.tools],
            "settings": request.settings,
        }
        text = to_json(facts, fallback=str, serialize_unknown=True).decode()
        log.debug("model_request", request=text.replace(secret, _REDACTED) if secret else text)
        return request

    agent.model = wrapped_model(model, before=before)


def log_record(record: EventRecord) -> None:
    """Log an event of a run, with arguments and results; `log_requests` logs its requests."""
    if log.is_debug() and not isinstance(record.event, _Delta | ModelRequested):
        log.debug(record.event.type, run_id=record.run_id, data=record.to_json())


class _SafeFormatter(logging.Formatter):
    """Escapes what could steer a terminal, also in records of other origin."""

    def format(self, record: logging.LogRecord) -> str:
        return escape_controls(super().format(record))
