"""Agents as tools of an MCP server."""

import mcp

from agentkit import Agent, AssistantMessage, Tool, ToolCall, ToolResult, UserMessage, handoff, tool
from agentkit.errors import TransportError
from agentkit.mcp.server.mcp_server import build_server
from agentkit.testing.scripted import ScriptedModel, tool_call
from tests.unit.mcp.serving import Mode, Person, both_revisions, call, text_of

PAYS = AssistantMessage(
    tool_calls=[
        ToolCall(id="look00001", name="look"),
        ToolCall(id="pay000001", name="pay", arguments='{"amount": 5}'),
        ToolCall(id="pay000002", name="pay", arguments='{"amount": 6}'),
    ],
)


class Shop:
    """Tools that keep what was done with them."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def tools(self) -> list[Tool]:
        """Return one that may run, and one that needs approval."""

        @tool(read_only=True)
        def look() -> str:
            """Look."""
            self.done.append("look")
            return "looked"

        @tool(approval="ask")
        def pay(amount: int) -> str:
            """Pay."""
            self.done.append(f"pay {amount}")
            return f"paid {amount}"

        return [look, pay]


@both_revisions
async def test_an_agent_is_served_as_a_tool(mode: Mode) -> None:
    """It takes a task, and reports its steps as progress."""
    steps: list[str | None] = []

    async def forward(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001
        steps.append(message)

    model = ScriptedModel(AssistantMessage(tool_calls=[tool_call("look")]), "All is well.")
    agent = Agent(model, tools=Shop().tools()[:1], name="keeper")
    async with mcp.Client(build_server(agents=[agent]), mode=mode) as client:
        (listed,) = (await client.list_tools()).tools
        result = await call(client, "keeper", {"prompt": "Look around."}, progress_callback=forward)

    assert listed.name == "keeper"
    assert listed.input_schema["required"] == ["prompt"]
    assert text_of(result) == "All is well."
    assert model.requests[0].history[-1] == UserMessage("Look around.")
    assert steps == ["keeper: turn 1", "keeper: look", "keeper: turn 2"]


@both_revisions
async def test_approval_for_an_agents_call_is_requested_from_the_user_at_the_client(
    mode: Mode,
) -> None:
    """Nothing runs twice in any revision; the agent's model reads a denial."""
    shop = Shop()
    model = ScriptedModel(
        PAYS,
        AssistantMessage(
            tool_calls=[ToolCall(id="pay000003", name="pay", arguments='{"amount": 7}')]
        ),
        "Done.",
    )
    person = Person(lambda form: {"approve": '"amount": 6' not in form.message, "reason": "Dear."})
    agent = Agent(model, tools=shop.tools(), name="buyer")
    async with mcp.Client(
        build_server(agents=[agent]), mode=mode, elicitation_callback=person
    ) as client:
        result = await call(client, "buyer", {"prompt": "Buy."})

    assert text_of(result) == "Done."
    assert sorted(person.asked) == [
        'May the tool pay run with {"amount": 5}?',
        'May the tool pay run with {"amount": 6}?',
        'May the tool pay run with {"amount": 7}?',
    ]
    assert shop.done == ["look", "pay 5", "pay 7"]
    assert [one.text for one in model.requests[1].history if isinstance(one, ToolResult)] == [
        "looked",
        "paid 5",
        "The call of 'pay' was refused and was not run. The reason given: Dear.",
    ]
    assert model.answers_left == 0


@both_revisions
async def test_an_agents_call_is_denied_if_the_client_cannot_ask(mode: Mode) -> None:
    """Its model reads that the call was denied, and why."""
    shop = Shop()
    model = ScriptedModel(PAYS, "I could not pay.")
    agent = Agent(model, tools=shop.tools(), name="buyer")
    async with mcp.Client(build_server(agents=[agent]), mode=mode) as client:
        result = await call(client, "buyer", {"prompt": "Buy."})

    assert text_of(result) == "I could not pay."
    assert shop.done == ["look"]
    assert "does not support elicitation" in str(model.requests[1].history[-1])


async def test_an_agents_call_of_an_external_tool_is_denied() -> None:
    """Without asking the user, since no one could provide its result."""
    elsewhere = Tool.external(name="sign", description="x", input_schema={"type": "object"})
    model = ScriptedModel(AssistantMessage(tool_calls=[tool_call("sign")]), "Not signed.")
    agent = Agent(model, tools=[elsewhere], name="signer")
    person = Person(lambda _: {"approve": True})
    async with mcp.Client(build_server(agents=[agent]), elicitation_callback=person) as client:
        result = await call(client, "signer", {"prompt": "Sign."})

    assert text_of(result) == "Not signed."
    assert "no one here can provide its result" in str(model.requests[1].history[-1])
    assert person.asked == []


async def test_open_calls_of_a_handed_off_agent_are_an_error() -> None:
    """They belong to another agent."""
    other = Agent(ScriptedModel(PAYS), tools=Shop().tools(), name="other")
    model = ScriptedModel(AssistantMessage(tool_calls=[tool_call("transfer_to_other")]))
    agent = Agent(model, tools=[handoff(other)], name="first")
    person = Person(lambda _: {"approve": True})
    async with mcp.Client(build_server(agents=[agent]), elicitation_callback=person) as client:
        result = await call(client, "first", {"prompt": "Buy."})

    assert result.is_error
    assert text_of(result) == "The agent 'first' waits for pay, which no one here can answer."


async def test_an_agent_whose_provider_fails_is_an_error_of_the_tool() -> None:
    """With a message for the client's model; the server continues."""
    model = ScriptedModel(TransportError("The provider is down.", kind="connection"), "Here again.")
    agent = Agent(model, name="helper")
    async with mcp.Client(build_server(agents=[agent])) as client:
        failed = await call(client, "helper", {"prompt": "Help."})
        again = await call(client, "helper", {"prompt": "Help."})

    assert failed.is_error
    assert text_of(failed) == "The agent 'helper' gave no answer: The provider is down."
    assert text_of(again) == "Here again."
