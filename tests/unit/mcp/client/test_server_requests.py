"""Requests of servers during a call: elicitation, sampling, roots."""

import warnings
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from mcp.server import Server, ServerRequestContext
from mcp.shared.exceptions import MCPDeprecationWarning

from agentkit import Agent, Budget, ToolResult
from agentkit.content import ImageContent
from agentkit.event import ModelResponded
from agentkit.history import History
from agentkit.mcp.client.mcp_toolset import MCPToolset
from agentkit.mcp.client.server_requests import (
    ElicitationRequest,
    ElicitationResponse,
    SamplingRequest,
    SamplingResponse,
)
from agentkit.message import AssistantMessage, ToolCall, UserMessage
from agentkit.testing import ScriptedModel
from tests.unit.mcp.conftest import Make

pytestmark = pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")

FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 2},
        "age": {"type": "integer", "default": 7},
    },
    "required": ["name"],
}
QUESTION = types.ElicitRequest(
    params=types.ElicitRequestFormParams(message="Who?", requested_schema=FORM)
)
VISIT = types.ElicitRequest(
    params=types.ElicitRequestURLParams(message="Go", url="https://x.example/", elicitation_id="1")
)
COMPLETE = types.CreateMessageRequest(
    params=types.CreateMessageRequestParams(
        messages=[
            types.SamplingMessage(role="user", content=types.TextContent(text="Hi")),
            types.SamplingMessage(role="assistant", content=[types.TextContent(text="Yes?")]),
            types.SamplingMessage(role="user", content=types.TextContent(text="Go on")),
        ],
        system_prompt="Be short.",
        max_tokens=9,
        temperature=0.5,
        stop_sequences=["END"],
    )
)
WITH_TOOLS = types.CreateMessageRequest(
    params=types.CreateMessageRequestParams(
        messages=[], max_tokens=1, tools=[types.Tool(name="t", input_schema={"type": "object"})]
    )
)
FOLDERS = types.ListRootsRequest()
ASKED: dict[str, types.InputRequest] = {
    "question": QUESTION,
    "visit": VISIT,
    "complete": COMPLETE,
    "with_tools": WITH_TOOLS,
    "folders": FOLDERS,
}


def asking_server() -> Server[Any]:
    """Return a server whose tools send requests, and return the answers."""

    async def list_tools(_: Any, params: Any) -> types.ListToolsResult:  # noqa: ARG001
        return types.ListToolsResult(
            tools=[types.Tool(name=name, input_schema={"type": "object"}) for name in ASKED]
        )

    async def call_tool(
        context: ServerRequestContext, params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        request = ASKED[params.name]
        if context.protocol_version < "2026":
            kind: Any = RESULTS[type(request)]
            received = await context.session.send_request(request, kind)
        elif params.input_responses is None:
            return types.InputRequiredResult(input_requests={"it": request})
        else:
            received = params.input_responses["it"]
        text = received.model_dump_json(by_alias=True, exclude_none=True)
        return types.CallToolResult(content=[types.TextContent(text=text)])

    return Server("asking", on_list_tools=list_tools, on_call_tool=call_tool)


RESULTS: dict[type, type] = {
    types.ElicitRequest: types.ElicitResult,
    types.CreateMessageRequest: types.CreateMessageResult,
    types.ListRootsRequest: types.ListRootsResult,
}


async def received(toolset: MCPToolset, name: str, *more: AssistantMessage) -> ToolResult:
    """Return the result of a call of the tool that asks so."""
    call = AssistantMessage(tool_calls=[ToolCall(id="1", name=name)])
    model = ScriptedModel(call, *more, AssistantMessage("done"))
    result = await Agent(model, tools=[toolset]).run("go")
    found = result.history[2]
    assert isinstance(found, ToolResult)
    return found


async def test_a_form_is_filled_in_by_the_user(make: Make) -> None:
    """A field that is left out has the schema's default."""
    asked: list[ElicitationRequest] = []

    async def fill(question: ElicitationRequest) -> ElicitationResponse:
        asked.append(question)
        return ElicitationResponse(action="accept", content={"name": "Bo"})

    result = await received(make(asking_server(), on_elicitation=fill), "question")

    assert '"action":"accept"' in result.text
    assert '"name":"Bo"' in result.text
    assert '"age":7' in result.text
    assert asked == [ElicitationRequest(server="demo", message="Who?", schema=FORM)]


async def test_a_url_is_put_to_the_user(make: Make) -> None:
    """Who may decline."""
    asked: list[ElicitationRequest] = []

    async def decline(question: ElicitationRequest) -> ElicitationResponse:
        asked.append(question)
        return ElicitationResponse(action="decline")

    result = await received(make(asking_server(), on_elicitation=decline), "visit")

    assert '"action":"decline"' in result.text
    assert asked[0].url == "https://x.example/"


async def wrong(question: ElicitationRequest) -> ElicitationResponse:  # noqa: ARG001
    """Fill in what does not fit."""
    return ElicitationResponse(action="accept", content={"name": "B"})


async def broken(question: ElicitationRequest) -> ElicitationResponse:  # noqa: ARG001
    """Fail."""
    raise RuntimeError("screen is off")


@pytest.mark.parametrize(
    ("callback", "reason"), [(wrong, "does not fit the form: name"), (broken, "screen is off")]
)
async def test_an_invalid_answer_is_an_error_of_the_call(
    make: Make, callback: Any, reason: str
) -> None:
    """The server gets the error, and so does the model."""
    result = await received(make(asking_server(), on_elicitation=callback), "question")

    assert result.is_error
    assert reason in result.text


@pytest.mark.parametrize("name", ["question", "complete", "folders"])
async def test_a_request_without_a_callback_is_an_error(make: Make, name: str) -> None:
    """The message names the missing capability."""
    result = await received(make(asking_server()), name)

    assert result.is_error
    assert "not supported" in result.text


async def test_a_completion_comes_from_the_callback(make: Make) -> None:
    """Which gets all fields of the request."""
    asked: list[SamplingRequest] = []

    async def complete(sampling: SamplingRequest) -> SamplingResponse:
        asked.append(sampling)
        return SamplingResponse(message=AssistantMessage("So."), model="m", stop_reason="maxTokens")

    result = await received(make(asking_server(), on_sampling=complete), "complete")

    assert '"text":"So."' in result.text
    assert '"stopReason":"maxTokens"' in result.text
    (sampling,) = asked
    assert sampling.messages == (
        UserMessage("Hi"),
        AssistantMessage("Yes?"),
        UserMessage("Go on"),
    )
    assert sampling.instructions == "Be short."
    settings = sampling.settings
    assert (settings.max_tokens, settings.temperature, settings.stop) == (9, 0.5, ("END",))


async def test_a_completion_may_be_an_image(make: Make) -> None:
    """If it has no other content."""

    async def complete(_: SamplingRequest) -> SamplingResponse:
        image = ImageContent(data="AA==", mime_type="image/png")
        return SamplingResponse(message=AssistantMessage(content=(image,)), model="m")

    result = await received(make(asking_server(), on_sampling=complete), "complete")

    assert '"mimeType":"image/png"' in result.text


async def test_sampling_with_tools_is_rejected(make: Make) -> None:
    """The client would not run them."""
    result = await received(make(asking_server(), on_sampling="run"), "with_tools")

    assert result.is_error


async def test_sampling_with_the_runs_model_counts_against_its_budget(make: Make) -> None:
    """The completion's events are events of the run."""
    call = AssistantMessage(tool_calls=[ToolCall(id="1", name="complete")])
    answers = (call, AssistantMessage("Sampled."), AssistantMessage("done"))
    model = ScriptedModel(*answers)
    agent = Agent(model, tools=[make(asking_server(), on_sampling="run")])

    async with agent.stream("go") as run:
        records = [record async for record in run.records()]

    assert '"text":"Sampled."' in run.result.history[2].text
    assert '"model":"scripted:model"' in run.result.history[2].text
    asked = model.requests[1]
    assert (asked.instructions, asked.settings.max_tokens) == ("Be short.", 9)
    assert [one.text for one in asked.history] == ["Hi", "Yes?", "Go on"]
    inner = [record.event for record in records if record.parent_id is not None]
    assert any(isinstance(event, ModelResponded) for event in inner)

    short = Agent(
        ScriptedModel(*answers),
        tools=[make(asking_server(), on_sampling="run")],
        budget=Budget(turns=1),
    )
    result = await short.run("go")
    assert "The completion failed: the run has reached its limit" in result.history[2].text


async def test_roots_are_sent(make: Make, tmp_path: Path) -> None:
    """As URIs."""
    result = await received(make(asking_server(), roots=[tmp_path, "file:///x"]), "folders")

    assert tmp_path.as_uri() in result.text
    assert "file:///x" in result.text


async def test_sampling_outside_of_a_run_is_an_error(make: Make) -> None:
    """There is no model to use."""
    toolset = make(asking_server(), on_sampling="run")
    async with toolset.open():
        (tool,) = [one for one in await toolset.list_tools(History()) if one.name == "complete"]
        client = toolset.find_open().connection.client()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MCPDeprecationWarning)
            with pytest.raises(Exception, match="no run is in progress"):
                result = await client.call_tool(tool.name)
                raise AssertionError(result)
