"""Run ready calls and answer each one.

In:  `ReadyCall`s that may run side by side.
Out: as many `ToolResult`s, in the order given; events about each.

What a tool raises is an answer for the model and a line with traceback in the log. Only bugs of
ours, cancellation and what ends the program leave `execute_calls`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from inspect import isawaitable
from typing import Any

import anyio

from agentkit.clock import Clock
from agentkit.errors import ToolError
from agentkit.event import Emit, ToolCallFinished, ToolCallStarted, ToolProgressed
from agentkit.groups import ungrouped
from agentkit.json_schema.violation import shorten
from agentkit.log import Log
from agentkit.message import ToolResult
from agentkit.tool.output import MAX_RESULT_CHARACTERS, build_result
from agentkit.tool.run_context import RunContext
from agentkit.tool.threads import Raised, run_in_thread
from agentkit.tool.validate import ReadyCall

MAX_ERROR_CHARACTERS = 2_000

log = Log("agentkit.tool")


async def execute_calls(
    calls: Sequence[ReadyCall],
    *,
    deps: object,
    emit: Emit,
    clock: Clock,
    concurrency: int = 8,
    timeout_seconds: float | None = None,
    max_characters: int = MAX_RESULT_CHARACTERS,
) -> list[ToolResult]:
    """Run `calls` side by side and return their results in the order given.

    Args:
        calls: validated calls with distinct ids; may be empty.
        deps: for tools that take a `RunContext`.
        emit: hears of each start, progress and end.
        clock: measures how long each tool ran.
        concurrency: how many tools may run at the same time, 1 or more.
        timeout_seconds: limit for each tool that has none of its own, counted from its own start.
        max_characters: see `build_result`.

    Returns:
        As many results as calls, with `results[i].call_id == calls[i].call.id`.
        A tool that raises or overruns gives `is_error=True`.
    """
    if concurrency < 1:
        raise ValueError(f"concurrency is {concurrency}; it must be 1 or more.")
    work = _Work(
        deps=deps,
        emit=emit,
        clock=clock,
        timeout_seconds=timeout_seconds,
        max_characters=max_characters,
    )
    if len(calls) < 2 or concurrency == 1:
        return [await work.run(call) for call in calls]
    results: dict[int, ToolResult] = {}
    waiting = enumerate(calls)

    async def take() -> None:
        for position, call in waiting:
            results[position] = await work.run(call)

    with ungrouped():
        async with anyio.create_task_group() as group:
            for _ in range(min(concurrency, len(calls))):
                group.start_soon(take)
    return [results[position] for position in range(len(calls))]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What is the same for all calls of a stage.

    Attributes:
        deaf: what listeners raised at a progress report, by call id.
    """

    deps: object
    emit: Emit
    clock: Clock
    timeout_seconds: float | None
    max_characters: int
    deaf: dict[str, Exception] = field(default_factory=dict)

    async def run(self, call: ReadyCall) -> ToolResult:
        """Run one call and tell the listeners."""
        await self.emit(ToolCallStarted(call=call.call))
        started = self.clock.monotonic()
        outcome = await self._attempt(call)
        if call.call.id in self.deaf:
            raise self.deaf[call.call.id]
        if isinstance(outcome, _Failure):
            result = ToolResult.of(call.call.id, outcome.text, is_error=True)
        else:
            result = build_result(call, outcome, max_characters=self.max_characters)
        seconds = self.clock.monotonic() - started
        await self.emit(ToolCallFinished(call=call.call, result=result, seconds=seconds))
        return result

    async def _attempt(self, call: ReadyCall) -> object:
        """Return what the tool returned, or a `_Failure`."""
        limit = call.tool.timeout_seconds
        limit = self.timeout_seconds if limit is None else limit
        if limit is None:
            return await self._call(call)
        with anyio.move_on_after(limit):
            return await self._call(call)
        log.warning("tool_call_timed_out", tool_name=call.tool.name, call_id=call.call.id)
        rest = "" if call.tool.binding.is_async else " It may still be at work."
        return _Failure(
            text=f"The tool {call.tool.name!r} was stopped after {limit:g} seconds.{rest}"
        )

    async def _call(self, call: ReadyCall) -> object:
        positional = call.bound.positional
        if call.tool.binding.takes_context:
            positional = (self._context(call), *positional)
        function = partial(call.tool.function, *positional, **call.bound.named)
        # A group that holds a cancellation or the end of the program is no answer of the tool.
        with ungrouped():
            try:
                if call.tool.binding.is_async:
                    return await function()
                outcome = await run_in_thread(function)
                if isinstance(outcome, Raised):
                    return _failed(call, outcome.error)
                return await outcome if isawaitable(outcome) else outcome
            except Exception as error:  # noqa: BLE001  # a stranger's code, told to the model
                return _failed(call, error)

    def _context(self, call: ReadyCall) -> RunContext[Any]:
        async def report(progress: float, total: float | None, message: str | None) -> None:
            event = ToolProgressed(
                call_id=call.call.id, progress=progress, total=total, message=message
            )
            try:
                await self.emit(event)
            except Exception as error:
                # The listener failed, not the tool, which would swallow it as its own.
                self.deaf[call.call.id] = error
                raise

        return RunContext(
            deps=self.deps,
            call_id=call.call.id,
            tool_name=call.tool.name,
            idempotency_key=call.idempotency_key or call.call.id,
            report=report,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """Why a tool gave nothing."""

    text: str


def _failed(call: ReadyCall, error: Exception) -> _Failure:
    """Log what a tool raised, and put it into words for the model."""
    log.warning("tool_call_failed", tool_name=call.tool.name, call_id=call.call.id, exc_info=error)
    return _Failure(text=shorten("; ".join(_messages(error)), MAX_ERROR_CHARACTERS))


def _messages(error: BaseException) -> Iterator[str]:
    """Yield the messages of an error, or of all in a group."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _messages(inner)
        return
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  # a stranger's `__str__`
        text = ""
    name = type(error).__name__
    yield (text or name) if isinstance(error, ToolError) else f"{name}: {text}" if text else name
