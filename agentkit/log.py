"""Structured log lines through the standard library's logging.

In:  an event name in snake_case and facts as fields.
Out: records of the loggers `agentkit.…`, with the facts in the message and as attributes.

Nothing is configured and nothing is printed: the logger `agentkit` has a `NullHandler`, as the
standard library asks of packages, so a program without logging sees no line. A program that has
configured structlog gets the lines from its own processors. structlog is never loaded here, only
used if the program has loaded it: its import costs more than a model exchange.

Lines that are written in a run carry its id, its agent and its session: `log_facts` are added to
each line of the task, and of the tasks and threads that it starts.

Facts hold text of models, tools and servers, which must not look like log lines of their own or
control a terminal (CWE-117): values are written as `repr`, and a traceback is indented. The text of
an exception may quote arguments, results and answers: a traceback has it only if the logger's level
is DEBUG.
"""

import logging
import sys
import textwrap
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

__all__ = ["current_log_facts"]

_RESERVED = (frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "event"}) - {
    "exc_info",
    "stack_info",
}
_INDENT = "    "
_MAX_CAUSES = 20

_facts: ContextVar[Mapping[str, object]] = ContextVar("agentkit_log_facts", default={})  # noqa: B039 - never changed

logging.getLogger("agentkit").addHandler(logging.NullHandler())


@contextmanager
def log_facts(facts: Mapping[str, object]) -> Iterator[None]:
    """Add facts to each line that is written inside the context."""
    before = add_log_facts(facts)
    try:
        yield
    finally:
        restore_log_facts(before)


def add_log_facts(facts: Mapping[str, object]) -> Mapping[str, object]:
    """Add facts to each line from now on, and return those that there were before."""
    before = _facts.get()
    _facts.set({**before, **facts} if before else facts)
    return before


def restore_log_facts(before: Mapping[str, object]) -> None:
    """Forget the facts that were added; `before` is what `add_log_facts` returned.

    A token of the context would not do: garbage may be closed in another context.
    """
    _facts.set(before)


def current_log_facts() -> Mapping[str, object]:
    """Return the facts of the run that this code is part of, for lines of your own."""
    return _facts.get()


class Log:
    """Writes structured lines under one logger name; costs nothing below the logger's level."""

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
        """Log a fault that was handled but should be looked at.

        An exception as `exc_info` adds its traceback.
        """
        self._write(logging.WARNING, event, facts)

    def is_debug(self) -> bool:
        """Return whether debug lines are logged, so that costly facts need not be built."""
        return self._logger.isEnabledFor(logging.DEBUG)

    def _write(self, level: int, event: str, facts: Mapping[str, object]) -> None:
        if not self._logger.isEnabledFor(level):
            return
        error = _exception(facts.get("exc_info"))
        if error is not None and not self.is_debug():
            facts = {**facts, "exc_info": unquoted(error)}
        if around := _facts.get():
            facts = {**facts, **{name: around[name] for name in around if name not in facts}}
        own = _configured_logger(self._name)
        if own is not None:
            own.log(level, event, **facts)
            return
        self._logger.handle(_build_record(self._logger, level, event=event, facts=facts))


class UnquotedError(Exception):
    """Stands for an exception in a log line: the name of its type, and no text."""


def unquoted(error: BaseException, *, max_causes: int = _MAX_CAUSES) -> BaseException:
    """Return an exception with the tracebacks of another one, its causes and group, without texts.

    Args:
        error: the exception, which is not changed.
        max_causes: how many of its causes are shown, one behind the other.
    """
    name = type(error).__name__
    shown: BaseException = UnquotedError(name)
    if isinstance(error, BaseExceptionGroup):
        inner = [unquoted(one, max_causes=max_causes - 1) for one in error.exceptions]
        shown = BaseExceptionGroup(name, inner)
    cause = error.__cause__
    if cause is None and not error.__suppress_context__:
        cause = error.__context__
    if cause is not None and max_causes > 0:
        shown.__cause__ = unquoted(cause, max_causes=max_causes - 1)
    return shown.with_traceback(error.__traceback__)


class _StructlogLogger(Protocol):
    def log(self, level: int, event: str, **facts: object) -> object: ...


def _configured_logger(name: str) -> _StructlogLogger | None:
    """Return structlog's logger of this name if the program has configured structlog."""
    structlog = _loaded_structlog()
    if structlog is None or not structlog.is_configured():
        return None
    logger: _StructlogLogger = structlog.stdlib.get_logger(name)
    return logger


def _context() -> Mapping[str, object]:
    """Return the context variables that the program has bound with structlog."""
    structlog = _loaded_structlog()
    if structlog is None:
        return {}
    bound: Mapping[str, object] = structlog.contextvars.get_contextvars()
    return bound


def _loaded_structlog() -> Any:
    """Return structlog if the program has loaded it; asked each time, as it may do so later."""
    return sys.modules.get("structlog")


def _build_record(
    logger: logging.Logger, level: int, *, event: str, facts: Mapping[str, object]
) -> logging.LogRecord:
    """Return a record of the standard library with facts in its message and as attributes."""
    fields = {**_context(), **facts}
    error = _exception(fields.pop("exc_info", None))
    # The caller of `debug`, `info` or `warning`.
    path, line, function, _ = logger.findCaller(stacklevel=4)
    record = logger.makeRecord(
        logger.name,
        level,
        path,
        line,
        " ".join([event, *(f"{name}={_quoted(value)}" for name, value in fields.items())]),
        (),
        None if error is None else (type(error), error, error.__traceback__),
        func=function,
        extra={
            "event": event,
            **{f"{name}_" if name in _RESERVED else name: fact for name, fact in fields.items()},
        },
    )
    if error is not None:
        # Formatters print this text instead of formatting the exception themselves.
        record.exc_text = _indented_traceback(error)
    return record


def _exception(value: object) -> BaseException | None:
    """Return the exception of a fact `exc_info`; `True` is the one being handled."""
    if value is True:
        return sys.exc_info()[1]
    return value if isinstance(value, BaseException) else None


def _quoted(value: object) -> str:
    """Return the `repr` of a value in one line of printable characters."""
    text = repr(value)
    return text if text.isprintable() else _escape(text)


def _indented_traceback(error: BaseException) -> str:
    """Return a traceback whose lines cannot be taken for log lines."""
    lines = "".join(traceback.format_exception(error)).rstrip("\n").split("\n")
    return textwrap.indent("\n".join(map(_escape, lines)), _INDENT)


def _escape(text: str) -> str:
    """Escape each character that is not printable: control codes, line ends, text direction."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
