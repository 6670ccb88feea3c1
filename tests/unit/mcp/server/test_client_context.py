"""The client as a served tool sees it, in both revisions."""

from typing import Any

import anyio
import anyio.from_thread
import mcp
import mcp_types as types
import pytest
from mcp.client.context import ClientRequestContext
from mcp.shared.exceptions import MCPDeprecationWarning
from pydantic import FileUrl

from agentkit import RunContext, tool
from agentkit.json_schema import JsonObject
from agentkit.mcp.server.mcp_server import (
    ClientContext,
    ClientRequestError,
    build_server,
    client_of,
)
from tests.unit.mcp.serving import Mode, Person, both_revisions, call, text_of

NAME: JsonObject = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
}


def caller_in(context: RunContext[None]) -> ClientContext:
    """Return the client, who is there."""
    client = client_of(context)
    assert client is not None
    return client


@both_revisions
async def test_a_tool_sends_one_request_after_the_other(mode: Mode) -> None:
    """If it cannot wait for an answer, it runs again and gets the earlier answers."""
    keys: list[str] = []

    @tool
    async def meet(context: RunContext[None]) -> str:
        """Meet."""
        keys.append(context.idempotency_key)
        first = await caller_in(context).elicit("Your name?", NAME)
        second = await caller_in(context).elicit("And hers?", NAME)
        return f"{first.content['name']} and {second.content['name']}"

    person = Person(lambda form: {"name": "Ann" if "hers" in form.message else "Bob"})
    async with mcp.Client(build_server([meet]), mode=mode, elicitation_callback=person) as client:
        result = await call(client, "meet")

    assert text_of(result) == "Bob and Ann"
    assert person.asked == ["Your name?", "And hers?"]
    assert len(keys) == (1 if mode == "legacy" else 3)
    assert len(set(keys)) == 1


@both_revisions
async def test_a_tool_in_a_thread_sends_requests_too(mode: Mode) -> None:
    """Through the event loop."""

    @tool
    def meet(context: RunContext[None]) -> str:
        """Meet."""
        answer = anyio.from_thread.run(caller_in(context).elicit, "Your name?", NAME)
        return f"Hello {answer.content['name']}"

    person = Person(lambda _: {"name": "Bob"})
    async with mcp.Client(build_server([meet]), mode=mode, elicitation_callback=person) as client:
        assert text_of(await call(client, "meet")) == "Hello Bob"


@both_revisions
async def test_a_tool_sends_several_requests_at_once(mode: Mode) -> None:
    """A form, a completion and the roots in one round trip."""
    runs: list[None] = []

    @tool
    async def gather(context: RunContext[None]) -> str:
        """Gather."""
        runs.append(None)
        form = types.ElicitRequestFormParams(message="Your name?", requested_schema=dict(NAME))
        question = types.SamplingMessage(role="user", content=types.TextContent(text="Hi"))
        answers = await caller_in(context).ask(
            {
                "form": types.ElicitRequest(params=form),
                "model": types.CreateMessageRequest(
                    params=types.CreateMessageRequestParams(messages=[question], max_tokens=9)
                ),
                "roots": types.ListRootsRequest(),
            }
        )
        return " ".join(f"{key}={type(one).__name__}" for key, one in answers.items())

    async with mcp.Client(
        build_server([gather]),
        mode=mode,
        elicitation_callback=Person(lambda _: {"name": "Bob"}),
        sampling_callback=_complete,
        list_roots_callback=_roots,
    ) as client:
        result = await call(client, "gather")

    assert text_of(result) == (
        "form=ElicitResult model=CreateMessageResultWithTools roots=ListRootsResult"
    )
    assert len(runs) == (1 if mode == "legacy" else 2)


@both_revisions
async def test_a_tool_uses_the_model_and_the_roots_of_the_client(mode: Mode) -> None:
    """With agentkit's own values."""

    @tool
    async def think(context: RunContext[None]) -> str:
        """Think."""
        answer = await caller_in(context).sample("Capital of France?", max_tokens=9)
        roots = await caller_in(context).list_roots()
        return f"{answer.text} {[str(root.uri) for root in roots]}"

    async with mcp.Client(
        build_server([think]),
        mode=mode,
        sampling_callback=_complete,
        list_roots_callback=_roots,
    ) as client:
        result = await call(client, "think")

    assert text_of(result) == "You said: Capital of France? ['file:///work']"


async def test_a_missing_capability_is_an_error_of_the_protocol_since_2026() -> None:
    """A tool that does not need it may continue; before, the error is a result."""

    @tool
    async def need(context: RunContext[None]) -> str:
        """Need a model."""
        return (await caller_in(context).sample("Hi", max_tokens=9)).text

    @tool
    async def do_without(context: RunContext[None]) -> str:
        """Do without."""
        try:
            await caller_in(context).list_roots()
        except ClientRequestError as error:
            return f"none: {error}"
        raise AssertionError

    server = build_server([need, do_without])
    async with mcp.Client(server) as client:
        with pytest.raises(mcp.MCPError) as caught:
            await client.call_tool("need", {})
        result = await call(client, "do_without")
    async with mcp.Client(server, mode="legacy") as client:
        older = await call(client, "need")

    assert caught.value.error.code == types.MISSING_REQUIRED_CLIENT_CAPABILITY
    assert caught.value.error.data == {"requiredCapabilities": {"sampling": {}}}
    assert text_of(result) == "none: The client does not support roots."
    assert older.is_error


async def test_a_client_that_gives_no_answer_raises_in_the_tool() -> None:
    """During the call, as an error that the tool may catch."""

    @tool
    async def meet(context: RunContext[None]) -> str:
        """Meet."""
        return str(await caller_in(context).elicit("Your name?", NAME))

    async def fail(
        context: ClientRequestContext,  # noqa: ARG001 - as the SDK calls it
        params: types.ElicitRequestParams,  # noqa: ARG001 - the same
    ) -> types.ErrorData:
        return types.ErrorData(code=types.INTERNAL_ERROR, message="The form is broken.")

    async with mcp.Client(build_server([meet]), mode="legacy", elicitation_callback=fail) as client:
        result = await call(client, "meet")

    assert text_of(result) == "The client gave no answer: The form is broken."


@both_revisions
async def test_an_answer_that_does_not_fit_the_form_is_rejected(mode: Mode) -> None:
    """The tool gets an error, and if it does not catch it, the model."""

    @tool
    async def meet(context: RunContext[None]) -> str:
        """Meet."""
        return str(await caller_in(context).elicit("Your name?", NAME))

    person = Person(lambda _: {"name": 7})
    async with mcp.Client(build_server([meet]), mode=mode, elicitation_callback=person) as client:
        result = await call(client, "meet")

    assert result.is_error
    assert text_of(result) == (
        "The client's answer is not valid: name: expected a text, got the number 7"
    )


async def test_an_answer_is_valid_for_its_own_request_only() -> None:
    """A tool that sends another request in the next round trip does not get the old answer."""
    questions = iter(["Delete it?", "Keep it?", "Keep it?"])

    @tool
    async def ask(context: RunContext[None]) -> str:
        """Ask."""
        await caller_in(context).elicit(next(questions), NAME, key="question")
        return "done"

    person = Person(lambda _: {"name": "yes"})
    async with mcp.Client(build_server([ask]), elicitation_callback=person) as client:
        await call(client, "ask")

    assert person.asked == ["Delete it?", "Keep it?"]


async def test_manipulated_state_is_rejected() -> None:
    """It is authenticated before anything runs."""

    @tool
    async def ask(context: RunContext[None]) -> str:
        """Ask."""
        await caller_in(context).elicit("Sure?", NAME, key="sure")
        return "done"

    person = Person(lambda _: {"name": "yes"})
    async with mcp.Client(build_server([ask]), elicitation_callback=person) as client:
        first = await client.session.call_tool("ask", {}, allow_input_required=True)
        assert isinstance(first, types.InputRequiredResult)
        assert first.request_state is not None
        answer = types.ElicitResult(action="accept", content={"name": "yes"})
        with pytest.raises(mcp.MCPError, match="Invalid or expired requestState"):
            await client.session.call_tool(
                "ask",
                {},
                input_responses={"sure": answer},
                request_state=f"{first.request_state}x",
                allow_input_required=True,
            )

    assert "Sure?" not in first.request_state


async def test_an_answer_of_another_type_is_rejected() -> None:
    """A client that mixes up its answers gets an error."""

    @tool
    async def ask(context: RunContext[None]) -> str:
        """Ask."""
        await caller_in(context).elicit("Sure?", NAME, key="sure")
        return "done"

    person = Person(lambda _: {"name": "yes"})
    async with mcp.Client(build_server([ask]), elicitation_callback=person) as client:
        first = await client.session.call_tool("ask", {}, allow_input_required=True)
        assert isinstance(first, types.InputRequiredResult)
        result = await client.session.call_tool(
            "ask",
            {},
            input_responses={"sure": types.ListRootsResult(roots=[])},
            request_state=first.request_state,
        )

    assert text_of(result) == "The client's answer is not valid: it is not of type ElicitResult"


@pytest.mark.parametrize(
    ("mode", "wanted", "received"),
    [
        ("legacy", None, ["debug", "error"]),
        ("legacy", "error", ["error"]),
        ("auto", None, []),
        ("auto", "warning", ["error"]),
    ],
)
async def test_log_messages_are_sent_to_clients_that_asked_for_them(
    mode: Mode, wanted: types.LoggingLevel | None, received: list[str]
) -> None:
    """Before 2026-07-28 all, until a level is set; since then only on request."""
    lines: list[str] = []

    @tool
    async def talk(context: RunContext[None]) -> str:
        """Talk."""
        await caller_in(context).log("debug", "details")
        await caller_in(context).log("error", {"code": 7}, logger="tests")
        return "done"

    async def forward(params: types.LoggingMessageNotificationParams) -> None:
        lines.append(params.level)

    options: dict[str, Any] = {"log_level": wanted} if mode == "auto" and wanted else {}
    async with mcp.Client(
        build_server([talk]), mode=mode, logging_callback=forward, **options
    ) as client:
        if mode == "legacy" and wanted:
            with pytest.warns(MCPDeprecationWarning):
                await client.set_logging_level(wanted)
        await call(client, "talk")

    assert lines == received


async def _complete(
    context: ClientRequestContext,  # noqa: ARG001 - as the SDK calls it
    params: types.CreateMessageRequestParams,
) -> types.CreateMessageResult:
    (message,) = params.messages
    assert isinstance(message.content, types.TextContent)
    text = f"You said: {message.content.text}"
    return types.CreateMessageResult(
        role="assistant", content=types.TextContent(text=text), model="m"
    )


async def _roots(
    context: ClientRequestContext,  # noqa: ARG001 - the same
) -> types.ListRootsResult:
    return types.ListRootsResult(roots=[types.Root(uri=FileUrl("file:///work"))])


@both_revisions
@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "object", "properties": {}}, "accept {}"),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, "accept {}"),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "string", "default": "d"}},
                "required": ["a"],
            },
            "accept {'a': 'd'}",
        ),
        (
            {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
            "The client's answer is not valid: a: expected a value",
        ),
    ],
    ids=["no fields", "optional", "default", "required"],
)
async def test_a_form_may_be_accepted_without_content(
    mode: Mode, schema: Any, expected: str
) -> None:
    """Its defaults stand for the fields; a required one without a default is missing."""

    @tool
    async def ask(context: RunContext[None]) -> str:
        """Ask."""
        answer = await caller_in(context).elicit("Well?", schema)
        return f"{answer.action} {answer.content}"

    async def accept(context: Any, params: Any) -> types.ElicitResult:  # noqa: ARG001
        return types.ElicitResult(action="accept")

    async with mcp.Client(build_server([ask]), mode=mode, elicitation_callback=accept) as client:
        assert text_of(await client.call_tool("ask", {})).startswith(expected)
