"""A stream inside an async generator of the user's, which is left early or closed in another task.

Web frameworks do this with a response that is streamed: each item may be asked by another task, and
the generator is closed by the event loop after the client has gone.
"""

import asyncio  # noqa: TID251  # only its event loop reports errors of tasks that no one awaits
import gc
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar

import anyio
import pytest
import sniffio

from agentkit import Agent, AssistantMessage, tool
from agentkit.agent.stream import AgentStream
from agentkit.errors import UsageError
from agentkit.testing import ScriptedModel, tool_call

BOUND_SECONDS = 60
pytestmark = pytest.mark.filterwarnings("ignore:Async generator.*collected:ResourceWarning")
"""Trio itself warns of every generator that is left early, whatever is in it."""

label: ContextVar[str] = ContextVar("label")


class Waiting:
    """An agent with a tool that waits until it is stopped, and takes a while to clean up."""

    def __init__(self, kind: str) -> None:
        self.begun = anyio.Event()
        self.ended = anyio.Event()
        self._kind = kind

    def open(self) -> AbstractAsyncContextManager[AgentStream[str]]:
        """Open a stream of a run that calls the tool."""

        @tool(read_only=True)
        async def wait() -> str:
            """Wait."""
            self.begun.set()
            try:
                await anyio.sleep_forever()
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(0.01)
                self.ended.set()
            return ""

        call = AssistantMessage("", tool_calls=[tool_call("wait")])
        agent = Agent(ScriptedModel(call), tools=[wait])
        return agent.stream("go") if self._kind == "run" else agent.conversation().stream("go")

    async def lines(self) -> AsyncGenerator[str]:
        """Yield the events of the run by name, as a web application would send them."""
        async with self.open() as run:
            async for event in run:
                if type(event).__name__ == "ToolCallStarted":
                    await self.begun.wait()
                yield type(event).__name__

    async def until_it_waits(self) -> AsyncGenerator[str]:
        """Return the generator, read until the tool waits."""
        lines = self.lines()
        async for name in lines:
            if name == "ToolCallStarted":
                break
        return lines

    async def check_ended(self) -> None:
        """Wait until the tool was stopped, in a task that must not be cancelled meanwhile."""
        with anyio.fail_after(BOUND_SECONDS):
            await self.ended.wait()
        for _ in range(10):
            await anyio.lowlevel.checkpoint()


@pytest.fixture(params=["run", "conversation"])
def waiting(request: pytest.FixtureRequest) -> Waiting:
    """Return an agent, used alone or in a conversation."""
    return Waiting(request.param)


@pytest.fixture(autouse=True)
async def loop_errors() -> AsyncIterator[None]:
    """Fail if asyncio's event loop reports an error of a task that no one awaits."""
    late: list[str] = []
    if sniffio.current_async_library() == "asyncio":
        loop = asyncio.get_running_loop()
        before = loop.get_exception_handler()
        loop.set_exception_handler(lambda _, context: late.append(str(context)))
        yield
        loop.set_exception_handler(before)
    else:
        yield
    assert late == []


async def test_a_generator_left_by_break_stops_the_run_and_no_other_task(waiting: Waiting) -> None:
    """The event loop closes it in a task of its own."""
    async for name in waiting.lines():
        if name == "ToolCallStarted":
            break

    gc.collect()

    await waiting.check_ended()


async def test_a_generator_that_is_garbage_in_a_cycle_is_closed_once(waiting: Waiting) -> None:
    """The garbage collector finalises the generator and all that it holds at the same time."""
    holder: list[object] = [await waiting.until_it_waits()]
    holder.append(holder)

    del holder
    gc.collect()

    await waiting.check_ended()


async def test_a_generator_may_be_closed_in_another_task(waiting: Waiting) -> None:
    """It is closed when the run has ended, clean-up included."""
    lines = await waiting.until_it_waits()

    with anyio.fail_after(BOUND_SECONDS):
        async with anyio.create_task_group() as group:
            group.start_soon(lines.aclose)

    assert waiting.ended.is_set()


async def test_each_item_may_be_asked_in_a_task_of_its_own() -> None:
    """As `asyncio.wait_for` does before Python 3.12."""
    agent = Agent(ScriptedModel("one two three"))
    seen: list[str] = []

    async def names() -> AsyncGenerator[str]:
        async with agent.stream("go") as run:
            async for event in run:
                yield type(event).__name__

    async def read_one(lines: AsyncGenerator[str]) -> None:
        try:
            seen.append(await anext(lines))
        except StopAsyncIteration:
            seen.append("end")

    lines = names()
    with anyio.fail_after(BOUND_SECONDS):
        while "end" not in seen:
            async with anyio.create_task_group() as group:
                group.start_soon(read_one, lines)

    assert seen[0] == "RunStarted"
    assert seen[-2:] == ["RunFinished", "end"]


async def test_a_reader_cancelled_while_it_writes_stops_the_run(waiting: Waiting) -> None:
    """A slow client that goes away is the usual reason."""
    has_read = anyio.Event()

    async def send() -> None:
        async for name in waiting.lines():
            if name == "ToolCallStarted":
                has_read.set()
                await anyio.sleep_forever()

    with anyio.fail_after(BOUND_SECONDS):
        async with anyio.create_task_group() as group:
            group.start_soon(send)
            await has_read.wait()
            group.cancel_scope.cancel()
    gc.collect()

    await waiting.check_ended()


async def test_a_cancelled_context_waits_for_the_end_of_the_run(waiting: Waiting) -> None:
    """Nothing of it is alive afterwards."""
    with anyio.move_on_after(BOUND_SECONDS) as scope:
        async with waiting.open() as run:
            async for event in run:
                if type(event).__name__ == "ToolCallStarted":
                    await waiting.begun.wait()
                    scope.cancel()

    assert waiting.ended.is_set()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_second_cancellation_is_raised_after_the_end_of_the_run(waiting: Waiting) -> None:
    """`task.cancel()` passes the shield of a scope."""
    task: asyncio.Task[None]

    async def read() -> None:
        async with waiting.open() as run:
            async for _ in run:
                pass

    async def cancel_twice() -> None:
        await waiting.begun.wait()
        task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()

    task = asyncio.create_task(read())
    await cancel_twice()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert waiting.ended.is_set()


async def test_tools_see_the_context_variables_of_the_code_that_opens_the_stream() -> None:
    """A request id that was set before is logged by tools, too."""

    @tool(read_only=True)
    async def read_label() -> str:
        """Read."""
        return label.get()

    label.set("request 7")
    call = AssistantMessage("", tool_calls=[tool_call("read_label")])

    async with Agent(ScriptedModel(call, "done"), tools=[read_label]).stream("go") as run:
        result = await run.finish()

    assert result.history[2].text == "request 7"


@pytest.mark.parametrize("is_read", [True, False])
async def test_an_exception_that_ends_the_program_reaches_the_reader(is_read: bool) -> None:
    """Also if the reader has left before it was raised."""
    raised = anyio.Event()

    @tool(read_only=True)
    async def interrupt() -> str:
        """Raise what Ctrl-C raises."""
        raised.set()
        raise KeyboardInterrupt

    call = AssistantMessage("", tool_calls=[tool_call("interrupt")])
    agent = Agent(ScriptedModel(call), tools=[interrupt])

    with pytest.raises(KeyboardInterrupt):
        async with agent.stream("go") as run:
            async for _ in run:
                if raised.is_set() and not is_read:
                    break
                if not is_read:
                    await anyio.sleep(0.01)


async def test_a_stream_is_opened_once() -> None:
    """A second run needs a second call of `stream`."""
    opened = Agent(ScriptedModel("one")).stream("go")
    async with opened as run:
        await run.finish()

    with pytest.raises(UsageError, match="another run"):
        await opened.__aenter__()
