"""Python in Monty, an interpreter that reaches nothing: values in, a value out.

In:  the tools that code may call as functions.
Out: `python()`: the tools `python` and `python_output`.

Each call has an interpreter process of its own, which ends with the call. Code can import a few
modules of the standard library (datetime, json, math, re, …) and has no files, network or clock
of the caller; see https://github.com/pydantic/monty.
"""

import json
import math
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, time
from functools import partial
from typing import Annotated, Any

import anyio.from_thread
import anyio.to_thread
from pydantic import Field
from pydantic_monty import CollectString, Monty, MontyError, MontyRuntimeError, MontySession

from agentkit import RunContext, Tool, ToolError, tool
from agentkit.errors import ConfigError
from agentkit.json_schema import JsonValue
from agentkit_tools.isolation.kept_output import KeptOutputs
from agentkit_tools.python_code.called_tool import call_tool

__all__ = ["TOOLS", "PythonResult", "python"]

_MAX_DEPTH = 20
_MAX_PRINTED_BYTES = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MontyLimits:
    """What code may use.

    Attributes:
        seconds: of execution; the time of functions that it calls does not count.
        memory_bytes: of its values.
        calls: of functions.
    """

    seconds: float = 10
    memory_bytes: int = 100_000_000
    calls: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonResult:
    """What code gave.

    Attributes:
        value: of the last expression, as JSON; null if the last line is not an expression.
        printed: what it printed; cut in the middle if it is long.
        output_id: for python_output, if lines are left out.
        note: how to read the rest.
    """

    value: Any
    printed: str
    output_id: str | None = None
    note: str | None = None


def python(
    *, functions: Sequence[Tool] = (), limits: MontyLimits | None = None
) -> tuple[Tool, ...]:
    """Return the tools that run Python in Monty.

    Args:
        functions: tools that code may call as functions. The approval rule of a run does
            not apply to these calls.
        limits: of each call.

    Raises:
        ConfigError: a function is a tool that needs approval, for which code cannot wait.
    """
    for each in functions:
        if each.approval != "allow" or not each.name.isidentifier():
            raise ConfigError(
                f"{each.name!r} cannot be a function of code: it needs approval, or its name is "
                "not a name in Python."
            )
    interpreter = _Interpreter(functions=tuple(functions), limits=limits or MontyLimits())
    is_pure = all(each.annotations.read_only_hint for each in functions)
    run = tool(
        interpreter.python,
        description=_describe(functions),
        read_only=is_pure,
        idempotent=all(each.annotations.idempotent_hint for each in functions),
        open_world=any(each.annotations.open_world_hint for each in functions),
        tags=("python",),
    )
    read = tool(
        interpreter.python_output,
        read_only=True,
        idempotent=True,
        open_world=False,
        tags=("python",),
    )
    return run, read


def _describe(functions: Sequence[Tool]) -> str:
    text = (
        "Run Python code and return the value of its last expression, and what it printed. "
        "It has no files and no network; it can import datetime, json, math, random and re, and "
        "no other packages."
    )
    if functions:
        calls = "; ".join(_signature(each) for each in functions)
        text += f" It can call these functions: {calls}."
    return text


def _signature(function: Tool) -> str:
    properties = function.input_schema.get("properties")
    names = list(properties) if isinstance(properties, Mapping) else []
    return f"{function.name}({', '.join(names)}), {function.description.splitlines()[0]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Interpreter:
    """The tools, with the functions that code may call."""

    functions: tuple[Tool, ...]
    limits: MontyLimits
    outputs: KeptOutputs = field(default_factory=KeptOutputs)

    async def python(  # noqa: D417 - the docstring is for the model, which gives no context
        self,
        context: RunContext,
        code: Annotated[
            str, Field(min_length=1, max_length=50_000, examples=["sum(x * x for x in numbers)"])
        ],
        inputs: Annotated[dict[str, Any] | None, Field(examples=[{"numbers": [1, 2, 3]}])] = None,
    ) -> PythonResult:
        """Run Python code and return the value of its last expression.

        Args:
            code: one or more lines; the last one gives the value, e.g. "total / count".
            inputs: values that the code finds under these names.
        """
        worker = _Worker()
        try:
            value, printed = await anyio.to_thread.run_sync(
                partial(self._run, context, worker, code, inputs or {}), abandon_on_cancel=True
            )
        finally:
            worker.kill()
        return self._result(value, printed)

    def python_output(
        self,
        output_id: Annotated[str, Field(max_length=40)],
        first_line: Annotated[int, Field(ge=1)] = 1,
    ) -> str:
        """Read the lines that were left out of what Python code printed.

        Args:
            output_id: as the result of the code has it.
            first_line: the line to begin with, counted from 1.
        """
        return self.outputs.read(output_id, first_line)

    def _run(
        self, context: RunContext, worker: "_Worker", code: str, inputs: dict[str, Any]
    ) -> tuple[JsonValue, str]:
        """Run code in a process of its own; this blocks a thread."""
        printed = CollectString(_MAX_PRINTED_BYTES)
        limits = self.limits
        session: MontySession
        with (
            Monty(max_processes=1) as pool,
            pool.checkout(
                limits={
                    "max_feed_duration_secs": limits.seconds,
                    "max_memory": limits.memory_bytes,
                    "max_suspensions": limits.calls,
                    "max_total_sleep_secs": limits.seconds,
                }
            ) as session,
        ):
            worker.pid = session.worker_pid
            try:
                value = session.feed_run(
                    code,
                    inputs=inputs,
                    external_lookup=self._callables(context),
                    print_callback=printed,
                )
            except MontyError as error:
                raise ToolError(_describe_error(error, printed.output)) from error
            finally:
                worker.pid = None
            return _to_json(value), printed.output

    def _callables(self, context: RunContext) -> dict[str, Callable[..., object]]:
        """Return the functions as code calls them, from the interpreter's thread."""

        def bind(function: Tool) -> Callable[..., object]:
            def call(*args: object, **kwargs: object) -> object:
                return anyio.from_thread.run(call_tool, context, function, args, kwargs)

            return call

        return {each.name: bind(each) for each in self.functions}

    def _result(self, value: JsonValue, printed: str) -> PythonResult:
        text = json.dumps(value, ensure_ascii=False)
        note = None
        if len(text) > self.outputs.max_shown:
            indented = json.dumps(value, ensure_ascii=False, indent=0)
            value, printed = None, f"{printed}{indented}\n"
            note = "The value is long; it is part of what is printed."
        shown = self.outputs.show(printed.encode("utf-8", "replace"))
        if shown.first_hidden_line is not None:
            rest = f"python_output(output_id=…, first_line={shown.first_hidden_line})"
            note = f"{note or ''} Read the rest with {rest}.".strip()
        return PythonResult(value=value, printed=shown.text, output_id=shown.output_id, note=note)


TOOLS = python()
"""The tools without functions."""


@dataclass(slots=True, kw_only=True)
class _Worker:
    """The interpreter process of a call that may be cancelled."""

    pid: int | None = None

    def kill(self) -> None:
        """End the process, if it runs."""
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def _describe_error(error: MontyError, printed: str) -> str:
    """Return the traceback, as Python prints it, after the end of what was printed."""
    text = error.display() if isinstance(error, MontyRuntimeError) else str(error)
    text = text.replace("<python-input-0>", "<code>")[-4_000:]
    return f"{printed[-2_000:]}\n{text}".strip() if printed else text


def _to_json(value: object, depth: int = 0) -> JsonValue:  # noqa: PLR0911 - one case per type
    """Return a value of Monty as JSON; what has no JSON form becomes text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else repr(value)
        case date() | time():
            return value.isoformat()
        case _ if depth == _MAX_DEPTH:
            return "…"
        case Mapping():
            return {str(key): _to_json(each, depth + 1) for key, each in value.items()}
        case list() | tuple():
            return [_to_json(each, depth + 1) for each in value]
        case set() | frozenset():
            return [_to_json(each, depth + 1) for each in sorted(value, key=repr)]
        case _:
            return repr(value)
