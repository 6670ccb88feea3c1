"""A question to the person takes the way of an approval."""

from dataclasses import replace
from typing import Any

import mcp
import pytest
from mcp_types import ElicitResult

from agentkit import Agent, Approval, History, ReadyCall, Tool, ToolResult, Verdict
from agentkit.cli.approval_prompt import ApproveMode, set_approval_mode
from agentkit.cli.commands.run import describe_open_call
from agentkit.mcp.server.approval_requests import approval_request, read_approval
from agentkit.mcp.server.mcp_server import build_server
from agentkit.testing import ScriptedModel, tool_call
from agentkit.tools.question import Question, answer_verdict
from agentkit.tools.validate import validate_call
from agentkit_tools.ask import ask_user
from tests.unit.mcp.serving import Mode, Person, both_revisions, call, text_of

ASKS = tool_call("ask_user", question="Which color?", choices=["red", "blue"])
NO_ONE = "No one answered"


def build(asks: Any = ASKS, *, approve: Any = None) -> Agent[Any]:
    """Return an agent whose model asks, and then ends."""
    return Agent(ScriptedModel(asks, "Done."), tools=[ask_user], approve=approve)


class Typist:
    """Types lines, as on a terminal."""

    def __init__(self, *lines: str | None) -> None:
        self.lines = list(lines)

    async def __call__(self, _prompt: str, _default: str) -> str | None:
        """Type the next line."""
        return self.lines.pop(0)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [(["2"], "blue"), (["", "3"], "3"), ([" green "], "green"), (["y"], "y"), (["n"], "n")],
)
async def test_a_person_on_a_terminal_answers(
    typed: list[str | None], answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the number of a choice, or as text; `y` and `n` are answers too."""
    agent = build()
    set_approval_mode(agent, ApproveMode.ASK, ask=Typist(*typed))

    result = await agent.run("Paint it.")

    assert result.history[2].text == f"[The user answered]\n{answer}"
    assert capsys.readouterr().err == "? Which color?\n  1. red\n  2. blue\n"


async def test_without_a_person_the_run_is_suspended_and_goes_on_with_the_answer() -> None:
    """In another process, from its history alone."""
    waiting = await build().run("Paint it.")
    history = History.from_json(waiting.history.to_json())
    (call,) = history.open_calls
    answer = Approval.approve(call, arguments={"question": "Which color?", "answer": "blue"})

    ended = await Agent(ScriptedModel("Blue it is."), tools=[ask_user]).run(
        history=history, approvals=[answer]
    )

    assert waiting.stop_reason == "suspended"
    assert ended.history[2].text == "[The user answered]\nblue"
    assert ended.output == "Blue it is."


async def test_the_end_of_input_leaves_the_question_open() -> None:
    """Ctrl-D on a terminal."""
    agent = build()
    set_approval_mode(agent, ApproveMode.ASK, ask=Typist(None))

    assert (await agent.run("Paint it.")).stop_reason == "suspended"


@pytest.mark.parametrize("own", [None, "red"])
async def test_a_model_cannot_answer_itself(own: str | None) -> None:
    """Not even where all calls are approved in advance: a person must have answered."""
    asks = tool_call("ask_user", question="May I?", **({} if own is None else {"answer": own}))
    agent = build(asks)
    set_approval_mode(agent, ApproveMode.ALLOW)

    result = await agent.run("Paint it.")

    answer = result.history[2]
    assert isinstance(answer, ToolResult)
    assert answer.is_error
    assert answer.text.startswith(NO_ONE)


def test_the_command_line_shows_the_question_that_no_one_answered() -> None:
    """And what to do; another call needs approval."""
    text = describe_open_call(ASKS)

    assert text.startswith("The agent asks: Which color? Run on a terminal to answer")
    for other in ("{}", "[]", "{", '{"question": 1}'):
        assert "needs approval" in describe_open_call(replace(ASKS, arguments=other))


async def test_an_approval_without_an_answer_is_none() -> None:
    """A person who only agreed has not answered."""
    waiting = await build().run("Paint it.")
    (call,) = waiting.open_calls
    for given in (
        Approval.approve(call),
        Approval.approve(call, arguments={"question": "Which color?"}),
    ):
        ended = await Agent(ScriptedModel("Done."), tools=[ask_user]).run(
            history=waiting.history, approvals=[given]
        )

        assert NO_ONE in ended.history[2].text


async def test_a_rule_may_answer_in_place_of_a_person() -> None:
    """It is the program's own word."""

    async def rule(_: object) -> Verdict:
        return Verdict("allow", arguments='{"question": "Which color?", "answer": "red"}')

    result = await build(approve=rule).run("Paint it.")

    assert result.history[2].text == "[The user answered]\nred"


FORMS: dict[str, tuple[str, dict[str, Any] | None, str | None]] = {
    "an answer": ("accept", {"answer": " blue "}, "blue"),
    "an empty answer": ("accept", {"answer": " "}, None),
    "no form": ("accept", None, None),
    "an approval only": ("accept", {"approve": True}, None),
    "a refusal": ("decline", None, None),
}


@pytest.mark.parametrize(("action", "content", "answer"), FORMS.values(), ids=FORMS.keys())
def test_a_client_of_mcp_shows_the_question_as_a_form(
    action: Any, content: dict[str, Any] | None, answer: str | None
) -> None:
    """Anything but an answer is a denial."""
    ready = validate_call(ASKS, {"ask_user": ask_user})
    assert isinstance(ready, ReadyCall)

    request = approval_request(ready, Verdict("ask"))
    verdict = read_approval(ElicitResult(action=action, content=content), ready)

    params: Any = request.params
    assert params.message == "Which color?"
    assert "red; blue" in params.requested_schema["properties"]["answer"]["description"]
    assert verdict.decision == ("deny" if answer is None else "allow")
    if answer is not None:
        assert verdict == answer_verdict(ready, answer)


@both_revisions
async def test_a_served_tool_and_a_served_agent_ask_the_person_at_the_client(mode: Mode) -> None:
    """In both revisions of the protocol; the answer reaches the agent's model."""
    agent = build()
    agent.name = "painter"
    person = Person(lambda _: {"answer": "blue"})
    server = build_server([ask_user], agents=[agent])
    async with mcp.Client(server, mode=mode, elicitation_callback=person) as client:
        answer = await call(client, "ask_user", {"question": "Which one?"})
        painted = await call(client, "painter", {"prompt": "Paint it."})

    assert text_of(answer).endswith("blue")
    assert text_of(painted) == "Done."
    assert person.asked == ["Which one?", "Which color?"]


def test_a_number_stands_for_a_choice_only_if_there_is_one() -> None:
    """Otherwise it is the answer."""
    assert Question(text="How many?").read("2") == "2"
    assert Question(text="Which?", choices=("a", "b")).read("0") == "0"
    tool: Tool = ask_user
    assert tool.approval == "ask"
    assert tool.input_schema["required"] == ["question"]
