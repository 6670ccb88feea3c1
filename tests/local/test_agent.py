"""Complete runs with llama.cpp's server, in its three formats.

The server's ids have 32 characters and are sent back with nine; in raw text the model writes none.
Other properties of the server are in `test_server_*.py`. In every format, a run ends in an answer,
a tool runs only with arguments that fit its schema, and its history can be continued.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import jsonschema
import pytest

from agentkit import Agent, History, RunEvent, RunResult, Tool
from agentkit.chat import ModelRequest
from agentkit.errors import StatusError
from agentkit.message import AssistantMessage, ToolCall, ToolResult, UserMessage
from agentkit.model.tokens import build_counter

model = pytest.importorskip("tests.local.tiny_mixtral")

CHAT_FORMATS = ("llamacpp", "llamacpp-anthropic")
FORMATS = (*CHAT_FORMATS, "llamacpp-completions")
QUESTION = "What is the weather?"
CITY: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
NUMBERS = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "number", "maximum": 10}},
    "required": ["a", "b"],
}
ALL_KINDS = {
    "type": "object",
    "properties": {
        "mode": {"enum": ["slow", "fast"]},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2},
        # Not a date: the server's grammar knows of no month's length, and our check does.
        "when": {"type": "string", "format": "uuid"},
        "count": {"$ref": "#/$defs/count"},
        "deep": {"type": "object", "properties": {"on": {"type": "boolean"}}, "required": ["on"]},
        "note": {"type": ["null", "string"]},
    },
    "required": ["mode", "tags", "when", "count", "deep", "note"],
    "$defs": {"count": {"type": "integer", "minimum": 10, "maximum": 20}},
}

each_format = pytest.mark.parametrize("form", FORMATS)
each_chat_format = pytest.mark.parametrize("form", CHAT_FORMATS)
streamed_or_not = pytest.mark.parametrize("stream", [False, True], ids=["complete", "streamed"])


def recording_tool(name: str, schema: dict[str, Any], ran: list[Any]) -> Tool:
    """Return a tool that records its arguments."""

    def handle(arguments: dict[str, Any]) -> str:
        jsonschema.validate(arguments, schema)
        ran.append((name, arguments))
        return "21 degrees"

    return Tool.from_schema(
        name=name, description="For a test.", input_schema=schema, handler=handle
    )


def outline(history: History) -> list[Any]:
    """Return the messages without their ids, which are new each time."""
    return [
        [(call.name, json.loads(call.arguments)) for call in message.tool_calls] or message.text
        if isinstance(message, AssistantMessage)
        else ("result", message.is_error)
        if isinstance(message, ToolResult)
        else message.text
        for message in history.messages
    ]


async def run(
    agent: Agent[None], prompt: str | History, *, stream: bool = True, choice: str = "auto"
) -> tuple[RunResult, list[RunEvent]]:
    """Run the agent; a run that is not streamed emits no events."""
    asked: dict[str, Any] = {"history" if isinstance(prompt, History) else "prompt": prompt}
    with anyio.fail_after(60):
        if not stream:
            return await agent.run(**asked, tool_choice=choice), []
        async with agent.stream(**asked, tool_choice=choice) as running:
            events = [event async for event in running]
        return running.result, events


def of_type(events: Sequence[RunEvent], *types: str) -> list[RunEvent]:
    """Return the events of these types."""
    return [event for event in events if event.type in types]


def emitted_text(events: Sequence[RunEvent]) -> str:
    """Return the emitted text."""
    return "".join(event.text for event in events if event.type == "text_received")


CALLED = [("get_weather", {"city": "London"})]
TURN = [QUESTION, CALLED, ("result", False), model.ANSWER]
ODD = ("model_retried", "answer_repaired", "request_downgraded", "tool_call_rejected")


@streamed_or_not
@each_format
async def test_a_conversation_continues_after_an_answer(
    base_url: str, form: str, stream: bool
) -> None:
    """The second question follows the answer to the first, with calls and results before it."""
    ran: list[Any] = []
    tools = [recording_tool("get_weather", CITY, ran)]

    async with Agent(f"{form}:mixtral-8x22b", tools=tools, base_url=base_url) as agent:
        first, events = await run(agent, QUESTION, stream=stream)
        again = first.history + [UserMessage(QUESTION)]
        second, more = await run(agent, again, stream=stream)

    assert outline(first.history) == TURN
    assert outline(second.history) == TURN * 2
    assert ran == CALLED * 2
    assert (first.output, first.turns, first.stop_reason) == (model.ANSWER, 2, "answered")
    assert of_type([*events, *more], *ODD) == []
    assert emitted_text(events) == (model.ANSWER if stream else "")
    ids = [call.id for message in second.history for call in getattr(message, "tool_calls", ())]
    assert len(set(ids)) == 2


@pytest.mark.parametrize("forms", [FORMATS, FORMATS[::-1]], ids=["forth", "back"])
async def test_a_conversation_continues_in_another_format(
    base_url: str, forms: tuple[str, ...]
) -> None:
    """Ids of the server and of agentkit are in one history."""
    history = History()

    for form in forms:
        tools = [recording_tool("get_weather", CITY, [])]
        agent: Agent[None] = Agent(f"{form}:mixtral-8x22b", tools=tools, base_url=base_url)
        result, _ = await run(agent, history + [UserMessage(QUESTION)])
        history = result.history

    assert outline(history) == TURN * 3


@pytest.mark.parametrize("choice", ["required", "get_weather", "add", "none"])
@each_format
async def test_a_tool_choice_is_respected_although_the_server_ignores_it(
    base_url: str, form: str, choice: str
) -> None:
    """It has no named choice and ignores `none`, so only the allowed tools are offered.

    The previous turn, with its call, stays in the conversation.
    """
    ran: list[Any] = []
    tools = [recording_tool("get_weather", CITY, ran), recording_tool("add", NUMBERS, ran)]
    async with Agent(f"{form}:mixtral-8x22b", tools=tools, base_url=base_url) as agent:
        before, _ = await run(agent, QUESTION)
        ran.clear()
        again = before.history + [UserMessage(QUESTION)]
        result, events = await run(agent, again, choice=choice)

    assert result.stop_reason == "answered"
    if choice == "none":
        assert result.output.strip() == model.ANSWER_WITHOUT_TOOLS
        assert ran == of_type(events, "tool_call_rejected") == []
    elif choice == "add" and form == "llamacpp-completions":
        # Raw text has no grammar: the model's arguments are those of another tool.
        assert ran == []
        assert outline(result.history)[-3:] == [
            [("add", {"city": "London"})],
            ("result", True),
            model.ANSWER,
        ]
    else:
        assert [name for name, _ in ran] == ["add" if choice == "add" else "get_weather"]
        assert outline(result.history)[-2:] == [("result", False), model.ANSWER]


@streamed_or_not
@each_chat_format
async def test_arguments_of_all_kinds_fit_their_schema(
    base_url: str, form: str, stream: bool
) -> None:
    """The server's grammar writes them, and no repair is needed."""
    ran: list[Any] = []
    tools = [recording_tool("book", ALL_KINDS, ran)]

    agent: Agent[None] = Agent(f"{form}:mixtral-8x22b", tools=tools, base_url=base_url)
    result, events = await run(agent, "Book it.", stream=stream)

    assert [name for name, _ in ran] == ["book"]
    assert result.output == model.ANSWER
    assert of_type(events, *ODD) == []


@each_format
async def test_the_model_answers_after_an_error_result(base_url: str, form: str) -> None:
    """An error result is sent like any other."""

    def fail(arguments: dict[str, Any]) -> str:
        raise LookupError(f"no weather for {arguments['city']}")

    broken = Tool.from_schema(
        name="get_weather", description="For a test.", input_schema=CITY, handler=fail
    )

    agent: Agent[None] = Agent(f"{form}:mixtral-8x22b", tools=[broken], base_url=base_url)
    result, _ = await run(agent, QUESTION)

    assert outline(result.history) == [QUESTION, CALLED, ("result", True), model.ANSWER]


@each_format
async def test_without_tools_it_answers_at_once(base_url: str, form: str) -> None:
    """One turn."""
    result, _ = await run(Agent(f"{form}:mixtral-8x22b", base_url=base_url), QUESTION)

    assert (result.output.strip(), result.turns) == (model.ANSWER_WITHOUT_TOOLS, 1)


@each_format
async def test_a_prompt_that_is_too_long_is_one_error(base_url: str, form: str) -> None:
    """It is not retried."""
    agent: Agent[None] = Agent(f"{form}:mixtral-8x22b", base_url=base_url)

    with pytest.raises(StatusError, match="exceeds the available context") as caught:
        await run(agent, "word " * model.CONTEXT_TOKENS)

    assert (caught.value.kind, caught.value.status) == ("invalid_request", 400)


@each_format
async def test_concurrent_runs_each_get_their_answer(base_url: str, form: str) -> None:
    """The server processes one request at a time."""
    ran: list[Any] = []
    results: list[RunResult] = []
    tools = [recording_tool("get_weather", CITY, ran)]

    async with Agent(f"{form}:mixtral-8x22b", tools=tools, base_url=base_url) as agent:

        async def ask() -> None:
            results.append((await run(agent, QUESTION))[0])

        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(ask)

    assert [outline(result.history) for result in results] == [TURN] * 5
    assert ran == CALLED * 5


@each_chat_format
async def test_the_family_of_weights_with_another_name_is_learned_from_an_error(
    base_url: str, form: str, anyio_backend_name: str
) -> None:
    """One rejection and one change; the next run begins with it."""
    ran: list[Any] = []
    tools = [recording_tool("get_weather", CITY, ran)]
    # What a process learns stays with a provider and an id: each test has its own.
    name = f"{form}:weights-{anyio_backend_name}"

    async with Agent(name, tools=tools, base_url=base_url) as agent:
        first, events = await run(agent, QUESTION)
        again = first.history + [UserMessage(QUESTION)]
        second, more = await run(agent, again)

    assert outline(second.history) == TURN * 2
    (adapted,) = of_type(events, *ODD)
    assert adapted.type == "request_downgraded"
    assert adapted.change == "kept the rules of the Mistral family"
    assert adapted.error.endswith("Tool call ids must be nine letters or digits.")
    assert of_type(more, *ODD) == []


async def test_an_order_of_roles_that_the_template_rejects_is_corrected(
    base_url: str, anyio_backend_name: str
) -> None:
    """A user message right after a result, as in a run that was interrupted there."""
    call = ToolCall(id="abcdefghi", name="get_weather", arguments='{"city":"London"}')
    history = History(
        [
            UserMessage(QUESTION),
            AssistantMessage(tool_calls=[call]),
            ToolResult("abcdefghi", "21 degrees"),
            UserMessage(QUESTION),
        ]
    )
    tools = [recording_tool("get_weather", CITY, [])]

    name = f"llamacpp:weights-roles-{anyio_backend_name}"
    result, events = await run(Agent(name, tools=tools, base_url=base_url), history)

    assert outline(result.history)[-4:] == TURN
    (adapted,) = of_type(events, *ODD)
    assert adapted.type == "request_downgraded"
    assert "must alternate" in adapted.error


@pytest.mark.parametrize("form", ["llamacpp", "llamacpp-completions"])
async def test_the_server_counts_the_tokens_that_we_count(base_url: str, form: str) -> None:
    """The exact counter counts the complete prompt, including tools and results."""
    tools = [recording_tool("get_weather", CITY, [])]
    counter = build_counter("mistral")
    agent: Agent[None] = Agent(
        f"{form}:mixtral-8x22b", tools=tools, base_url=base_url, instructions="Be brief."
    )

    result, _ = await run(agent, QUESTION, stream=False)

    specs = tuple(tool.spec for tool in tools)
    counts = [
        counter.count(
            ModelRequest(
                history=History(result.history[:length]), instructions="Be brief.", tools=specs
            )
        )
        for length in (1, 3)
    ]
    assert counter.is_exact
    assert result.usage.input_tokens == sum(counts)


@pytest.mark.usefixtures("own_catalog")
@pytest.mark.parametrize("provider", ["local", "local-completions"])
async def test_a_path_is_a_model_that_is_served_while_it_is_open(
    weights: Path, provider: str
) -> None:
    """`local:PATH.gguf` needs no other configuration."""
    ran: list[Any] = []
    tools = [recording_tool("get_weather", CITY, ran)]

    result, events = await run(Agent(f"{provider}:{weights}", tools=tools), QUESTION)

    assert outline(result.history) == TURN
    assert result.model == f"{provider}:{weights}"
    assert of_type(events, *ODD) == []


@pytest.mark.usefixtures("own_catalog")
async def test_the_file_name_need_not_contain_the_family(weights: Path, tmp_path: Path) -> None:
    """A file may have any name."""
    path = tmp_path / "model-00001.gguf"
    path.symlink_to(weights)
    tools = [recording_tool("get_weather", CITY, [])]

    result, events = await run(Agent(f"local:{path}", tools=tools), QUESTION)

    assert outline(result.history) == TURN
    assert [event.type for event in of_type(events, *ODD)] == ["request_downgraded"]
