"""Tools, served to clients of both revisions, in memory."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import mcp
import mcp_types as types
import pytest
from mcp.client.session import IncomingMessage

from agentkit import History, RunContext, Tool, ToolError, tool
from agentkit.errors import ToolDefinitionError
from agentkit.mcp.server.mcp_server import ServerSettings, build_server
from agentkit.tools.rules import deny, named
from tests.unit.mcp.serving import Mode, Person, both_revisions, call, text_of


@dataclass
class Sum:
    """A sum and how it came about."""

    total: int
    words: str


@tool(read_only=True)
def add(a: int, b: int) -> Sum:
    """Add two numbers."""
    return Sum(total=a + b, words=f"{a} and {b}")


@tool(read_only=True)
def fail() -> str:
    """Fail."""
    raise ToolError("It rains.")


@both_revisions
async def test_a_tool_is_listed_and_called(mode: Mode) -> None:
    """With its schemas, and its result as text and as JSON."""
    async with mcp.Client(build_server([add], name="sums"), mode=mode) as client:
        (listed,) = (await client.list_tools()).tools
        result = await call(client, "add", {"a": 1, "b": 2})
        info = client.server_info

    assert info is not None
    assert info.name == "sums"
    assert (listed.name, listed.description) == ("add", "Add two numbers.")
    assert listed.annotations is not None
    assert listed.annotations.read_only_hint is True
    assert listed.output_schema is not None
    assert result.structured_content == {"total": 3, "words": "1 and 2"}
    assert text_of(result) == '{"total": 3, "words": "1 and 2"}'
    assert not result.is_error


@both_revisions
async def test_an_error_that_the_model_can_correct_is_a_result(mode: Mode) -> None:
    """Invalid arguments and a tool's own error are not errors of the protocol."""
    async with mcp.Client(build_server([add, fail]), mode=mode) as client:
        wrong = await call(client, "add", {"a": "much", "b": 2})
        failed = await call(client, "fail")

    assert wrong.is_error
    assert "a: expected an integer" in text_of(wrong)
    assert failed.is_error
    assert text_of(failed) == "It rains."


@both_revisions
async def test_a_tool_that_does_not_exist_is_an_error_of_the_protocol(mode: Mode) -> None:
    """As the specification requires, with a message for the model."""
    async with mcp.Client(build_server([add]), mode=mode) as client:
        with pytest.raises(
            mcp.MCPError, match=r"no tool 'subtract'\. The tools are: add"
        ) as caught:
            await client.call_tool("subtract", {})

    assert caught.value.error.code == types.INVALID_PARAMS


@both_revisions
async def test_progress_reaches_the_client_and_only_increases(mode: Mode) -> None:
    """A decreasing value is left out: the protocol forbids it."""
    received: list[tuple[float, float | None, str | None]] = []

    @tool
    async def work(context: RunContext[None]) -> str:
        """Work."""
        for done in (0, 1, 1, 2):
            await context.report_progress(done, 2, f"part {done}")
        return "done"

    async def forward(progress: float, total: float | None, message: str | None) -> None:
        received.append((progress, total, message))

    async with mcp.Client(build_server([work]), mode=mode) as client:
        await call(client, "work", progress_callback=forward)

    assert received == [(0, 2, "part 0"), (1, 2, "part 1"), (2, 2, "part 2")]


async def test_a_call_that_its_client_cancels_is_stopped() -> None:
    """The tool is cancelled and cleans up."""
    begun, ended = anyio.Event(), anyio.Event()

    @tool
    async def wait() -> None:
        """Wait."""
        begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()

    with anyio.fail_after(60):
        async with mcp.Client(build_server([wait]), mode="legacy") as client:
            async with anyio.create_task_group() as group:
                group.start_soon(client.call_tool, "wait", {})
                await begun.wait()
                group.cancel_scope.cancel()
            await ended.wait()


async def test_a_call_has_the_limits_of_the_server() -> None:
    """Its timeout, its result size, its approval rule and its deps."""

    @tool
    async def sleep() -> None:
        """Sleep."""
        await anyio.sleep_forever()

    @tool(read_only=True)
    def speak(context: RunContext[str]) -> str:
        """Speak."""
        return context.deps * 100

    async with mcp.Client(
        build_server([sleep], settings=ServerSettings(timeout_seconds=0.01))
    ) as client:
        late = await call(client, "sleep")
    options = ServerSettings(deps="word", max_characters=50)
    async with mcp.Client(build_server([speak], settings=options)) as client:
        long = await call(client, "speak")
    denying = ServerSettings(approve=deny(named("add")))
    async with mcp.Client(build_server([add], settings=denying)) as client:
        denied = await call(client, "add", {"a": 1, "b": 2})

    assert text_of(late) == "The tool 'sleep' was stopped after 0.01 seconds."
    assert "50 of 400 characters" in text_of(long)
    assert denied.is_error
    assert "was denied and not run" in text_of(denied)


async def test_an_external_tool_is_not_listed() -> None:
    """No one could provide its result."""
    elsewhere = Tool.external(name="elsewhere", description="x", input_schema={"type": "object"})

    async with mcp.Client(build_server([add, elsewhere])) as client:
        listed = (await client.list_tools()).tools

    assert [one.name for one in listed] == ["add"]


async def test_a_client_of_an_earlier_revision_gets_objects_only() -> None:
    """Before 2026-07-28, structured content and its schema must be objects."""
    numbers = Tool.from_schema(
        name="numbers",
        description="Count.",
        input_schema={"type": "object"},
        output_schema={"type": "array", "items": {"type": "integer"}},
        handler=lambda _: [1, 2],
    )

    async with mcp.Client(build_server([numbers]), mode="legacy") as client:
        (older,) = (await client.list_tools()).tools
        cut = await call(client, "numbers")
    async with mcp.Client(build_server([numbers])) as client:
        (newer,) = (await client.list_tools()).tools
        complete = await call(client, "numbers")

    assert older.output_schema is None
    assert (cut.structured_content, text_of(cut)) == (None, "[1, 2]")
    assert newer.output_schema == {"type": "array", "items": {"type": "integer"}}
    assert complete.structured_content == [1, 2]


@both_revisions
@pytest.mark.parametrize(
    ("content", "ran", "words"),
    [
        ({"approve": True}, True, "gone"),
        ({"approve": False, "reason": "Not today."}, False, "not run. Not today."),
        ({"approve": False}, False, "The user denied it."),
        (None, False, "The user denied it."),
    ],
    ids=["yes", "no, with a reason", "no", "declined"],
)
async def test_approval_is_requested_from_the_user_at_the_client(
    mode: Mode, content: dict[str, object] | None, *, ran: bool, words: str
) -> None:
    """With all its arguments; only a plain yes lets it run, and only once."""
    runs: list[str] = []

    @tool(approval="ask")
    def remove(path: str) -> str:
        """Remove."""
        runs.append(path)
        return "gone"

    person = Person(lambda _: content)
    async with mcp.Client(build_server([remove]), mode=mode, elicitation_callback=person) as client:
        result = await call(client, "remove", {"path": "/tmp/x"})  # noqa: S108 - a word

    assert person.asked == ['May the tool remove run with {"path": "/tmp/x"}?']
    assert runs == (["/tmp/x"] if ran else [])  # noqa: S108 - the same
    assert result.is_error is not ran
    assert words in text_of(result)


@both_revisions
async def test_an_approval_form_without_content_approves_nothing(mode: Mode) -> None:
    """Clients that show a form as one button send none; the reason says so."""

    @tool(approval="ask")
    def remove() -> str:
        """Remove."""
        return "gone"

    async def accept(context: Any, params: Any) -> types.ElicitResult:  # noqa: ARG001
        return types.ElicitResult(action="accept")

    async with mcp.Client(build_server([remove]), mode=mode, elicitation_callback=accept) as client:
        result = await call(client, "remove", {})

    assert "without filling it in, so the approval is missing" in text_of(result)


@both_revisions
async def test_a_call_that_needs_approval_is_denied_if_the_client_cannot_ask(mode: Mode) -> None:
    """The reason is in the result, which is not an error of the protocol."""

    @tool(approval="ask")
    def remove() -> str:
        """Remove."""
        raise AssertionError

    async with mcp.Client(build_server([remove]), mode=mode) as client:
        result = await call(client, "remove")

    assert result.is_error
    assert "It needs a user's approval. The client does not support" in text_of(result)


async def test_repaired_values_are_returned_for_confirmation_as_in_a_run() -> None:
    """A tool with effects does not run with guessed values."""
    runs: list[int] = []

    @tool
    def pay(amount: int) -> str:
        """Pay."""
        runs.append(amount)
        return "paid"

    person = Person(lambda _: {"approve": True})
    async with mcp.Client(build_server([pay]), elicitation_callback=person) as client:
        returned = await call(client, "pay", {"amount": "7"})
        confirmed = await call(client, "pay", {"amount": 7})

    assert returned.is_error
    assert 'read as {"amount": 7}' in str(returned.content)
    assert not confirmed.is_error
    assert person.asked == []
    assert runs == [7]


class Growing:
    """A set of tools that another tool adds to."""

    def __init__(self) -> None:
        self.tools: list[Tool] = [tool(self.grow)]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Open nothing."""
        yield

    async def list_tools(self, _history: History, /) -> Sequence[Tool]:
        """Return what there is."""
        return tuple(self.tools)

    def grow(self) -> str:
        """Add a tool."""
        self.tools.append(add)
        return "grown"


async def test_a_client_of_an_earlier_revision_is_notified_of_changed_tools() -> None:
    """Without a subscription, as soon as the call that changed them is over."""
    received = anyio.Event()

    async def forward(message: IncomingMessage) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            received.set()

    with anyio.fail_after(60):
        async with mcp.Client(
            build_server([Growing()]), mode="legacy", message_handler=forward
        ) as client:
            assert client.server_capabilities.tools == types.ToolsCapability(list_changed=True)
            await call(client, "grow")
            await received.wait()
            listed = (await client.list_tools()).tools

    assert [one.name for one in listed] == ["grow", "add"]


async def test_equal_tools_that_are_built_again_are_no_change() -> None:
    """Only a difference that a client can see is notified."""
    received: list[int] = []
    growing = Growing()

    class MadeAnew(Growing):
        async def list_tools(self, _history: History, /) -> Sequence[Tool]:
            return [tool(name=one.name)(one.function) for one in growing.tools]

    async def forward(message: IncomingMessage) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            received.append(len(growing.tools))

    with anyio.fail_after(60):
        async with mcp.Client(
            build_server([MadeAnew()]), mode="legacy", message_handler=forward
        ) as client:
            await client.list_tools()
            await client.list_tools()
            await call(client, "grow")
            await client.list_tools()

    assert received == [2]


async def test_a_subscribed_client_is_notified_of_changed_tools() -> None:
    """Since 2026-07-28; also if the change came from outside of a call."""
    growing = Growing()
    server = build_server([growing], settings=ServerSettings(poll_seconds=0.01))
    with anyio.fail_after(60):
        async with mcp.Client(server) as client:
            async with client.listen(tools_list_changed=True) as changes:
                growing.grow()
                await anext(aiter(changes))
            listed = (await client.list_tools()).tools

    assert [one.name for one in listed] == ["grow", "add"]


@both_revisions
async def test_many_tools_are_listed_in_pages(mode: Mode) -> None:
    """Each page is small enough for clients; a cursor of another server is rejected."""
    many = [
        Tool.from_schema(
            name=f"tool_{number}",
            description="x" * 20_000,
            input_schema={"type": "object"},
            handler=lambda _: "x",
        )
        for number in range(60)
    ]
    names: list[str] = []
    async with mcp.Client(build_server(many), mode=mode) as client:
        page = await client.list_tools()
        names += [one.name for one in page.tools]
        assert 20 < len(names) < 25
        while page.next_cursor is not None:
            page = await client.list_tools(cursor=page.next_cursor)
            names += [one.name for one in page.tools]
        for cursor in ("3", "-1", "next"):
            with pytest.raises(mcp.MCPError, match="Invalid cursor"):
                await client.list_tools(cursor=cursor)

    assert names == [one.name for one in many]


async def test_two_tools_with_one_name_are_an_error_when_the_server_is_built() -> None:
    """Before anything is served."""
    with pytest.raises(ToolDefinitionError, match="Two tools have the name 'add'"):
        build_server([add, tool(name="add")(lambda: "x")])
