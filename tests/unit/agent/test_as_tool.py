"""An agent as a tool of another: its answer, its events, its budget, its errors."""

import json
from decimal import Decimal
from typing import Any

import anyio
import pytest

from agentkit import (
    Agent,
    AgentKitError,
    AssistantMessage,
    Budget,
    ProviderError,
    RunContext,
    RunFinished,
    TextReceived,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
    tool,
)
from agentkit.durable.journal import MemoryJournal
from agentkit.errors import ToolDefinitionError
from agentkit.event import Emit, EventRecord
from agentkit.model import ModelRequest, ModelResponse
from agentkit.testing.scripted import ScriptedAnswer, ScriptedModel, tool_call
from agentkit.tools.run_context import run_of

ASK = AssistantMessage(tool_calls=[tool_call("helper", prompt="Count.")])


def _used(text: str, tokens: int, *calls: Any) -> ModelResponse:
    usage = Usage(input_tokens=tokens, output_tokens=1, cost_usd=Decimal("0.01"))
    return ModelResponse(
        message=AssistantMessage(text, tool_calls=calls),
        finish_reason="tool_calls" if calls else "stop",
        usage=usage,
    )


def _helper(*answers: ScriptedAnswer, **options: Any) -> Agent[Any]:
    return Agent(ScriptedModel(*answers), name="helper", **options)


def _boss(helper: Agent[Any], *answers: ScriptedAnswer, **options: Any) -> Agent[Any]:
    model = ScriptedModel(*(answers or (ASK, "done")))
    return Agent(model, tools=[helper.as_tool()], name="boss", **options)


async def test_the_answer_of_an_agent_is_the_result_of_its_tool() -> None:
    """It sees the task alone, not the conversation."""
    helper = _helper("Three.")

    result = await _boss(helper).run("How many?")

    assert result.history[2] == ToolResult("call00001", "Three.")
    assert isinstance(helper.model, ScriptedModel)
    assert [message.text for message in helper.model.requests[0].history] == ["Count."]
    assert (result.output, result.agent) == ("done", "boss")


async def test_the_usage_of_an_inner_agent_counts_for_the_run() -> None:
    """In the result, and against the budget."""
    helper = _helper(_used("Three.", 100))

    result = await _boss(helper, _used("", 10, *ASK.tool_calls), _used("done", 20)).run("go")

    assert result.usage == Usage(input_tokens=130, output_tokens=3, cost_usd=Decimal("0.03"))
    assert result.turns == 2


@pytest.mark.parametrize(
    ("budget", "reason"),
    [
        (Budget(turns=3), "max_turns"),
        (Budget(tokens=100_000, turns=3), "max_turns"),
        (Budget(tool_calls=3), "max_tool_calls"),
    ],
)
async def test_the_budget_of_a_run_limits_the_inner_agents(budget: Budget, reason: str) -> None:
    """They are stopped within it, however large their own is."""

    @tool(read_only=True)
    def count(at: int) -> int:
        """Count on."""
        return at + 1

    class Endless(ScriptedModel):
        async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:  # noqa: ARG002 - the interface
            self.requests.append(request)
            if not request.tools:
                return _used("so far", 10)
            at = len(self.requests)
            return _used(
                "", 10, ToolCall(id=f"count{at:04}", name="count", arguments=json.dumps({"at": at}))
            )

    model = Endless()
    helper: Agent[Any] = Agent(model, tools=[count], name="helper", budget=Budget(turns=1000))

    with anyio.fail_after(60):
        result = await _boss(helper, ASK, "done", budget=budget).run("go")

    assert result.stop_reason == reason
    assert "was stopped early" in result.history[2].text
    assert len(model.requests) <= 5


async def test_events_of_an_inner_agent_are_reported_inside_those_of_its_call() -> None:
    """Text too, as it arrives; and they can be written as JSON."""
    helper = _helper("Three.")

    async with _boss(helper).stream("go") as run:
        seen = [record async for record in run.records()]

    inner = [record for record in seen if record.parent_id == run.run_id]
    assert {record.call_id for record in inner} == {"call00001"}
    assert len({record.run_id for record in inner}) == 1
    assert [record.seq for record in seen] == list(range(1, len(seen) + 1))
    assert [record.event.type for record in inner] == [
        "run_started",
        "turn_started",
        "text_received",
        "model_responded",
        "run_finished",
    ]
    assert TextReceived("Three.") in [record.event for record in inner]
    assert '"event":{"text":"Three.","type":"text_received"}' in inner[2].to_json()


async def test_the_events_of_a_stream_are_those_of_its_own_run() -> None:
    """No inner answer is printed by mistake."""
    async with _boss(_helper("Three.")).stream("go") as run:
        seen = [event async for event in run]

    assert [event.text for event in seen if isinstance(event, TextReceived)] == ["done"]
    assert sum(isinstance(event, RunFinished) for event in seen) == 1


async def test_a_listener_that_fails_gets_no_more_records_and_ends_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The failure is logged once; the other listeners go on."""
    received: list[EventRecord] = []

    async def fail(record: EventRecord) -> None:
        received.append(record)
        raise LookupError("no")

    @tool
    async def outer(context: RunContext) -> str:
        """Run the agent inside."""
        return (await _helper("Three.").run("go", within=context, listener=fail)).output

    top: Agent[Any] = Agent(
        ScriptedModel(AssistantMessage(tool_calls=[tool_call("outer")]), "end"), tools=[outer]
    )
    async with top.stream("go") as run:
        records = [record async for record in run.records()]

    assert run.result.output == "end"
    assert len(received) == 1
    assert sum(record.parent_id is not None for record in records) == 5
    assert [vars(one)["event"] for one in caplog.records] == ["listener_failed"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ProviderError("The provider is down."),
            "The agent 'helper' gave no answer: The provider is down",
        ),
        (LookupError("a bug"), "LookupError: a bug"),
    ],
)
async def test_a_failure_of_an_inner_agent_is_an_error_that_the_outer_model_reads(
    error: Exception, said: str
) -> None:
    """The outer run goes on."""
    result = await _boss(_helper(error)).run("go")

    answer = result.history[2]
    assert isinstance(answer, ToolResult)
    assert answer.is_error
    assert said in answer.text
    assert result.output == "done"


async def test_an_inner_agent_that_needs_an_approval_gives_no_answer() -> None:
    """Nothing is run, and the outer model reads the reason."""
    ran: list[str] = []

    @tool(approval="ask")
    def delete() -> None:
        """Delete it."""
        ran.append("delete")

    helper = _helper(AssistantMessage(tool_calls=[tool_call("delete")]), tools=[delete])

    result = await _boss(helper).run("go")

    answer = result.history[2]
    assert isinstance(answer, ToolResult)
    assert answer.is_error
    assert "its call of delete must be approved by a person" in answer.text
    assert ran == []


async def test_the_rule_of_an_inner_agent_decides_there() -> None:
    """Its own `approve` is called as in any run."""

    @tool(approval="ask")
    def delete() -> str:
        """Delete it."""
        return "gone"

    helper = _helper(
        AssistantMessage(tool_calls=[tool_call("delete")]),
        "It is gone.",
        tools=[delete],
        approve=lambda _: "allow",
    )

    result = await _boss(helper).run("go")

    assert result.history[2].text == "It is gone."


async def test_the_callers_dependencies_reach_the_inner_tools() -> None:
    """And inner ids are unique among the outer ones."""
    seen: list[tuple[object, str]] = []

    @tool
    def look(context: RunContext[str]) -> str:
        """Look."""
        seen.append((context.deps, context.idempotency_key))
        return "ok"

    helper = _helper(AssistantMessage(tool_calls=[tool_call("look")]), "Three.", tools=[look])

    await _boss(helper).run("go", deps="deps", run_id="r-")

    ((deps, key),) = seen
    assert deps == "deps"
    assert key.startswith("r-/call00001/helper/")
    assert key.endswith("/call00001")


async def test_the_depth_of_agents_inside_each_other_is_bounded() -> None:
    """The one too deep is an error that the model above it reads."""
    agent = Agent[Any](ScriptedModel("bottom"), name="agent-4")
    for level in range(3, -1, -1):
        call = tool_call(f"agent-{level + 1}", prompt="go")
        agent = Agent(
            ScriptedModel(AssistantMessage(tool_calls=[call]), f"level {level}"),
            name=f"agent-{level}",
            tools=[agent.as_tool()],
            max_depth=3,
        )

    async with agent.stream("go") as run:
        records = [record async for record in run.records()]

    assert run.result.output == "level 0"
    assert any("3 agents run inside each other" in repr(record.event) for record in records)


async def test_a_users_tool_can_run_an_agent_within_the_run() -> None:
    """As a stream too; outside of an agent's run it is a run of its own."""
    helper = _helper(_used("one", 5), _used("two", 7))

    @tool
    async def ask_twice(context: RunContext) -> str:
        """Ask twice."""
        first = await helper.run("a", within=context)
        async with helper.stream("b", within=context) as run:
            async for _ in run:
                pass
        return f"{first.output} {run.result.output}"

    model = ScriptedModel(AssistantMessage(tool_calls=[tool_call("ask_twice")]), "done")
    result = await Agent[Any](model, tools=[ask_twice]).run("go")

    assert result.history[2].text == "one two"
    assert result.usage.input_tokens == 12


async def test_without_an_outer_run_the_agent_runs_by_itself() -> None:
    """A context that no agent made, as of a tool server, has no run."""
    context: RunContext[Any] = RunContext(deps=None)

    assert (await _helper("Three.").run("Count.", within=context)).output == "Three."


def test_a_run_in_another_thread_cannot_be_part_of_the_outer_run() -> None:
    """Its listeners are in another event loop."""
    context: RunContext[Any] = RunContext(deps=None)

    with pytest.raises(AgentKitError, match="make the tool async"):
        _helper("Three.").run_sync("Count.", within=context)


def test_the_tool_of_an_agent_has_a_name_and_a_description() -> None:
    """Both can be given; its time is limited by budgets alone."""
    agent = _helper()

    plain, named = agent.as_tool(), agent.as_tool(name="n", description="d", timeout_seconds=5)

    assert isinstance(plain, Tool)
    assert (plain.name, named.name, named.description) == ("helper", "n", "d")
    assert "'helper'" in plain.description
    assert (plain.timeout_seconds, named.timeout_seconds) == (float("inf"), 5)
    with pytest.raises(ToolDefinitionError, match="'my helper'"):
        Agent[Any](ScriptedModel(), name="my helper").as_tool()


async def test_an_interrupted_inner_run_goes_on() -> None:
    """No effect is repeated, and its earlier usage is counted."""
    journal = MemoryJournal()
    ran: list[str] = []

    @tool
    def effect() -> str:
        """Do it."""
        ran.append("effect")
        return "done below"

    first = AssistantMessage(tool_calls=[tool_call("effect")])
    ask = _used("", 3, *ASK.tool_calls)

    dying = _helper(tools=[effect])
    dying.model = _Dying(_used("", 5, *first.tool_calls))
    with pytest.raises(_PowerCut):
        await _boss(dying, ask).run("go", journal=journal)

    again = _helper(_used("Three.", 7), tools=[effect])
    result = await _boss(again, _used("done", 1)).run("go", journal=journal)

    assert result.output == "done"
    assert result.history[2] == ToolResult("call00001", "Three.")
    assert ran == ["effect"]
    assert result.usage.input_tokens == 16

    replayed = await _boss(_helper()).run("go", journal=journal)

    assert replayed.history == result.history
    assert replayed.usage == result.usage


class _PowerCut(KeyboardInterrupt):
    """The program ends at once."""


class _Dying(ScriptedModel):
    """Ends the program where its script ends."""

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
        if not self.answers_left:
            raise _PowerCut
        return await super().chat(request, emit=emit)


def test_the_link_to_the_run_is_hidden_from_tools() -> None:
    """A printed context does not show it."""
    context: RunContext[Any] = RunContext(deps=None)

    assert "link" not in repr(context)
    assert run_of(context) is None
