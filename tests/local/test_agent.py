"""Whole runs against llama.cpp's server, in the three forms that it speaks.

Ids of 32 characters come from the server and go back to it as nine; on raw text the model writes
none. What the server does otherwise is told in `test_server_*.py`. Whatever the form, a run ends in
an answer, a tool runs only with arguments that fit its schema, and its history can be gone on with.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import jsonschema
import pytest

from agentkit import Agent, History, RunEvent, RunResult, StatusError, Tool
from agentkit.chat import ModelRequest
from agentkit.message import AssistantMessage, ToolCall, ToolResult, UserMessage
from agentkit.model.tokens import build_counter

model = pytest.importorskip("tests.local.tiny_mixtral")

CHAT_FORMS = ("llamacpp", "llamacpp-anthropic")
FORMS = (*CHAT_FORMS, "llamacpp-completions")
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

each_form = pytest.mark.parametrize("form", FORMS)
each_chat_form = pytest.mark.parametrize("form", CHAT_FORMS)
whole_and_streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def recording(name: str, schema: dict[str, Any], ran: list[Any]) -> Tool:
    """Return a tool that writes down with which arguments it ran."""

    def handle(arguments: dict[str, Any]) -> str:
        jsonschema.validate(arguments, schema)
        ran.append((name, arguments))
        return "21 degrees"

    return Tool.from_schema(
        name=name, description="For a test.", input_schema=schema, handler=handle
    )


def told(history: History) -> list[Any]:
    """Return what was said and done, without the ids, which are new each time."""
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
    """Run the agent; a run that is not streamed tells no events."""
    with anyio.fail_after(30):
        if not stream:
            return await agent.run(prompt, tool_choice=choice), []
        async with agent.stream(prompt, tool_choice=choice) as running:
            events = [event async for event in running]
        return running.result, events


def of_type(events: Sequence[RunEvent], *types: str) -> list[RunEvent]:
    """Return the events of these types."""
    return [event for event in events if event.type in types]


def shown(events: Sequence[RunEvent]) -> str:
    """Return the text that a user was shown."""
    return "".join(event.text for event in events if event.type == "text_received")


CALLED = [("get_weather", {"city": "London"})]
TURN = [QUESTION, CALLED, ("result", False), model.ANSWER]
ODD = ("model_retried", "answer_repaired", "request_downgraded", "tool_call_rejected")


@whole_and_streamed
@each_form
async def test_a_conversation_goes_from_question_to_answer_and_on(
    base_url: str, form: str, stream: bool
) -> None:
    """The second question follows the answer to the first, with calls and results before it."""
    ran: list[Any] = []
    tools = [recording("get_weather", CITY, ran)]

    async with Agent(f"{form}:mixtral-8x22b", tools=tools, base_url=base_url) as agent:
        first, events = await run(agent, QUESTION, stream=stream)
        again = first.history.add(UserMessage.of(QUESTION))
        second, more = await run(agent, again, stream=stream)

    assert told(first.history) == TURN
    assert told(second.history) == TURN * 2
    assert ran == CALLED * 2
    assert (first.output, first.turns, first.stop_reason) == (model.ANSWER, 2, "answered")
    assert of_type([*events, *more], *ODD) == []
    assert shown(events) == (model.ANSWER if stream else "")
    ids = [call.id for message in second.history for call in getattr(message, "tool_calls", ())]
    assert len(set(ids)) == 2


@pytest.mark.parametrize("forms", [FORMS, FORMS[::-1]], ids=["forth", "back"])
async def test_a_conversation_goes_on_in_another_form(
    base_url: str, forms: tuple[str, ...]
) -> None:
    """Ids of the server's making and of ours stand in one history."""
    history = History()

    for form in forms:
        tools = [recording("get_weather", CITY, [])]
        agent: Agent[None] = Agent(f"{form}:mixtral-8x22b", tools=tools, base_url=base_url)
        result, _ = await run(agent, history.add(UserMessage.of(QUESTION)))
        history = result.history

    assert told(history) == TURN * 3


@pytest.mark.parametrize("choice", ["required", "get_weather", "add", "none"])
@each_form
async def test_a_choice_is_kept_whatever_the_server_makes_of_it(
    base_url: str, form: str, choice: str
) -> None:
    """It knows no names and ignores `none`, so that only what may be called is offered.

    The turn before, with its call, stays in the conversation.
    """
    ran: list[Any] = []
    tools = [recording("get_weather", CITY, ran), recording("add", NUMBERS, ran)]
    async with Agent(f"{form}:mixtral-8x22b", tools=tools, base_url=base_url) as agent:
        before, _ = await run(agent, QUESTION)
        ran.clear()
        again = before.history.add(UserMessage.of(QUESTION))
        result, events = await run(agent, again, choice=choice)

    assert result.stop_reason == "answered"
    if choice == "none":
        assert result.output.strip() == model.ANSWER_WITHOUT_TOOLS
        assert ran == of_type(events, "tool_call_rejected") == []
    elif choice == "add" and form == "llamacpp-completions":
        # Raw text has no grammar: the model's arguments are those of another tool.
        assert ran == []
        assert told(result.history)[-3:] == [
            [("add", {"city": "London"})],
            ("result", True),
            model.ANSWER,
        ]
    else:
        assert [name for name, _ in ran] == ["add" if choice == "add" else "get_weather"]
        assert told(result.history)[-2:] == [("result", False), model.ANSWER]


@whole_and_streamed
@each_chat_form
async def test_arguments_of_all_kinds_fit_their_schema(
    base_url: str, form: str, stream: bool
) -> None:
    """The server's grammar writes them, and our check has nothing to repair."""
    ran: list[Any] = []
    tools = [recording("book", ALL_KINDS, ran)]

    agent: Agent[None] = Agent(f"{form}:mixtral-8x22b", tools=tools, base_url=base_url)
    result, events = await run(agent, "Book it.", stream=stream)

    assert [name for name, _ in ran] == ["book"]
    assert result.output == model.ANSWER
    assert of_type(events, *ODD) == []


@each_form
async def test_a_tool_that_fails_is_told_and_answered(base_url: str, form: str) -> None:
    """The result of an error goes back like any other."""

    def fail(arguments: dict[str, Any]) -> str:
        raise LookupError(f"no weather for {arguments['city']}")

    broken = Tool.from_schema(
        name="get_weather", description="For a test.", input_schema=CITY, handler=fail
    )

    agent: Agent[None] = Agent(f"{form}:mixtral-8x22b", tools=[broken], base_url=base_url)
    result, _ = await run(agent, QUESTION)

    assert told(result.history) == [QUESTION, CALLED, ("result", True), model.ANSWER]


@each_form
async def test_without_tools_it_answers_at_once(base_url: str, form: str) -> None:
    """One turn."""
    result, _ = await run(Agent(f"{form}:mixtral-8x22b", base_url=base_url), QUESTION)

    assert (result.output.strip(), result.turns) == (model.ANSWER_WITHOUT_TOOLS, 1)


@each_form
async def test_a_prompt_that_is_too_long_is_one_error(base_url: str, form: str) -> None:
    """Sending it again would be of no use."""
    agent: Agent[None] = Agent(f"{form}:mixtral-8x22b", base_url=base_url)

    with pytest.raises(StatusError, match="exceeds the available context") as caught:
        await run(agent, "word " * model.CONTEXT_TOKENS)

    assert (caught.value.kind, caught.value.status) == ("invalid_request", 400)


@each_form
async def test_runs_at_the_same_time_end_each_in_its_answer(base_url: str, form: str) -> None:
    """The server works on one request at a time."""
    ran: list[Any] = []
    results: list[RunResult] = []
    tools = [recording("get_weather", CITY, ran)]

    async with Agent(f"{form}:mixtral-8x22b", tools=tools, base_url=base_url) as agent:

        async def ask() -> None:
            results.append((await run(agent, QUESTION))[0])

        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(ask)

    assert [told(result.history) for result in results] == [TURN] * 5
    assert ran == CALLED * 5


@each_chat_form
async def test_weights_whose_name_does_not_tell_their_family_show_it_themselves(
    base_url: str, form: str, anyio_backend_name: str
) -> None:
    """One refusal, one change; the next run begins with it."""
    ran: list[Any] = []
    tools = [recording("get_weather", CITY, ran)]
    # What a process learns stays with a provider and an id: each test has its own.
    name = f"{form}:weights-{anyio_backend_name}"

    async with Agent(name, tools=tools, base_url=base_url) as agent:
        first, events = await run(agent, QUESTION)
        again = first.history.add(UserMessage.of(QUESTION))
        second, more = await run(agent, again)

    assert told(second.history) == TURN * 2
    (adapted,) = of_type(events, *ODD)
    assert adapted.type == "request_downgraded"
    assert adapted.change == "kept the rules of the Mistral family"
    assert adapted.error.endswith("Tool call ids must be nine letters or digits.")
    assert of_type(more, *ODD) == []


async def test_an_order_of_roles_that_the_template_refuses_is_put_right(
    base_url: str, anyio_backend_name: str
) -> None:
    """A user who speaks right after a result, as in a run that was interrupted there."""
    call = ToolCall(id="abcdefghi", name="get_weather", arguments='{"city":"London"}')
    history = History(
        [
            UserMessage.of(QUESTION),
            AssistantMessage.of("", call),
            ToolResult.of("abcdefghi", "21 degrees"),
            UserMessage.of(QUESTION),
        ]
    )
    tools = [recording("get_weather", CITY, [])]

    name = f"llamacpp:weights-roles-{anyio_backend_name}"
    result, events = await run(Agent(name, tools=tools, base_url=base_url), history)

    assert told(result.history)[-4:] == TURN
    (adapted,) = of_type(events, *ODD)
    assert adapted.type == "request_downgraded"
    assert "must alternate" in adapted.error


@pytest.mark.parametrize("form", ["llamacpp", "llamacpp-completions"])
async def test_the_server_counts_the_tokens_that_we_count(base_url: str, form: str) -> None:
    """The exact counter knows what the model reads, tools and results included."""
    tools = [recording("get_weather", CITY, [])]
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
async def test_a_path_is_a_model_that_is_served_for_as_long_as_it_is_open(
    weights: Path, provider: str
) -> None:
    """Nothing else is needed than `local:PATH.gguf`."""
    ran: list[Any] = []
    tools = [recording("get_weather", CITY, ran)]

    result, events = await run(Agent(f"{provider}:{weights}", tools=tools), QUESTION)

    assert told(result.history) == TURN
    assert result.model == f"{provider}:{weights}"
    assert of_type(events, *ODD) == []


@pytest.mark.usefixtures("own_catalog")
async def test_a_path_need_not_tell_whose_weights_they_are(weights: Path, tmp_path: Path) -> None:
    """A file may have any name."""
    path = tmp_path / "model-00001.gguf"
    path.symlink_to(weights)
    tools = [recording("get_weather", CITY, [])]

    result, events = await run(Agent(f"local:{path}", tools=tools), QUESTION)

    assert told(result.history) == TURN
    assert [event.type for event in of_type(events, *ODD)] == ["request_downgraded"]


@pytest.fixture
def own_catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a user's own catalog that changes only how the weights are served."""
    pytest.importorskip("xllamacpp")
    path = tmp_path / "catalog.toml"
    launcher = "launcher = 'tests.local.one_thread:launch_with_one_thread'\n"
    path.write_text(f"[local]\n{launcher}[local-completions]\n{launcher}")
    monkeypatch.setenv("AGENTKIT_CATALOG", str(path))
