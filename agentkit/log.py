"""Structured log lines through the standard library's logging.

In:  an event name in snake_case, and facts as fields.
Out: records of the loggers `agentkit.…`, handled as the program configured logging.

Nothing is configured here and nothing is printed. structlog is loaded with the first line that is
not filtered out: its import costs more than a model exchange and imports rich if installed.
"""

import logging
from collections.abc import Callable
from functools import cache
from typing import Protocol, cast

from agentkit.lazy_import import load_object

_RESERVED = (frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}) - {
    "exc_info",
    "stack_info",
}


class _Bound(Protocol):
    def log(self, level: int, event: str, **facts: object) -> object: ...


@cache
def _bound(name: str) -> _Bound:
    """Return structlog's logger of this name, by the program's configuration if there is one."""
    is_configured = cast(Callable[[], bool], load_object("structlog:is_configured"))
    if is_configured():
        get_logger = cast(Callable[[str], _Bound], load_object("structlog.stdlib:get_logger"))
        return get_logger(name)
    wrap = cast(Callable[..., _Bound], load_object("structlog:wrap_logger"))
    return wrap(
        logging.getLogger(name),
        processors=[
            load_object("structlog.contextvars:merge_contextvars"),
            _rename_reserved,
            load_object("structlog.stdlib:render_to_log_kwargs"),
        ],
        wrapper_class=load_object("structlog.stdlib:BoundLogger"),
    )


def _rename_reserved(_: object, __: str, facts: dict[str, object]) -> dict[str, object]:
    """Add an underscore to fields whose names `logging.LogRecord` uses itself."""
    return {f"{name}_" if name in _RESERVED else name: fact for name, fact in facts.items()}


class Log:
    """Writes structured lines under one logger name; costs little while the level is disabled."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._logger = logging.getLogger(name)

    def debug(self, event: str, **facts: object) -> None:
        """Log facts that may hold arguments and results."""
        self._write(logging.DEBUG, event, facts)

    def info(self, event: str, **facts: object) -> None:
        """Log a step that went as planned."""
        self._write(logging.INFO, event, facts)

    def warning(self, event: str, **facts: object) -> None:
        """Log a problem that the run survived and that someone should look at."""
        self._write(logging.WARNING, event, facts)

    def _write(self, level: int, event: str, facts: dict[str, object]) -> None:
        if self._logger.isEnabledFor(level):
            _bound(self._name).log(level, event, **facts)
