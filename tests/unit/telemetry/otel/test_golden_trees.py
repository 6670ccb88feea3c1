"""Whole trees of spans, with what happened in each: retries, repairs, failovers, streams."""

from agentkit import Agent, tool
from agentkit.errors import StatusError
from agentkit.model.route import RouteModel
from agentkit.testing import ScriptedModel
from agentkit.testing.scripted import ScriptedExchange, ScriptedTransport
from tests.unit.model.test_provider_model import ANSWER, BUSY, _model
from tests.unit.telemetry.otel.exports import Exported

CALL_IN_TEXT = ScriptedExchange.of_json(
    {
        "choices": [
            {
                "message": {
                    "role": "assistant",
                    "content": '[TOOL_CALLS] [{"name": "add", "arguments": {"a": 1, "b": 2,}}]',
                },
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5},
    }
)


@tool
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def test_a_run_that_was_retried_and_repaired() -> None:
    """A call in the text, with JSON that is broken, from a provider that was busy at first."""
    exported = Exported()
    agent = Agent(_model(ScriptedTransport(BUSY, CALL_IN_TEXT, ANSWER)), tools=[add], name="adder")

    await agent.run("Add.", listener=exported.listener)

    assert exported.story == [
        "invoke_agent adder [stop_reason=answered turns=2]",
        "  chat openrouter:mixtral-8x22b [finish_reasons=tool_call]",
        "  ! model_retried kind=server",
        "  ! answer_repaired kind=minted_id",
        "  ! answer_repaired kind=text_call",
        "  ! answer_repaired kind=python_literal",
        "  execute_tool add",
        "  chat openrouter:mixtral-8x22b [finish_reasons=stop]",
    ]


async def test_a_run_that_failed_over() -> None:
    """With the model that failed; streamed or not, the tree is the same."""
    stories = []
    for is_streamed in (False, True):
        exported = Exported()
        error = StatusError("no", kind="server", retry="never", status=500)
        route = RouteModel([ScriptedModel(error, name="one:m"), ScriptedModel("Hi!", name="two:m")])
        agent = Agent(route, name="greeter")
        if is_streamed:
            async with agent.stream("Hello", listener=exported.listener) as stream:
                assert (await stream.finish()).output == "Hi!"
        else:
            await agent.run("Hello", listener=exported.listener)
        stories.append(exported.story)

    assert (
        stories[0]
        == stories[1]
        == [
            "invoke_agent greeter [stop_reason=answered turns=1]",
            "  chat one:m | two:m [finish_reasons=stop]",
            "  ! model_failed_over kind=server model=one:m",
        ]
    )
