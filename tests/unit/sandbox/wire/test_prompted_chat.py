"""Tools in the text of a chat."""

from datetime import date

from agentkit.content import text_blocks
from agentkit.message import AssistantMessage, Message, SystemMessage, UserMessage
from agentkit.sandbox.planner.plan_request import CallRecord
from agentkit.sandbox.wire.prompted_chat import PromptedChat, find_prompted

OFFER = 'Call: [AVAILABLE_TOOLS] [{"function": {"name": "f", "parameters": {}}}][/AVAILABLE_TOOLS]'
CALL = '[TOOL_CALLS] [{"name": "f", "arguments": {"x": 1}, "id": "a"}]'
RESULT = '[TOOL_RESULTS] {"content": "done", "call_id": "a"}[/TOOL_RESULTS]'
MADE = CallRecord(name="f", arguments={"x": 1}, result="done")


def _find(system: str, *said: tuple[str, str]) -> PromptedChat | None:
    messages: list[Message] = [SystemMessage(system)]
    for role, text in said:
        kind = AssistantMessage if role == "assistant" else UserMessage
        messages.append(kind(content=text_blocks(text)))
    return find_prompted(messages)


def _found(system: str, *said: tuple[str, str]) -> PromptedChat:
    found = _find(system, *said)
    assert found is not None
    return found


def test_calls_are_paired_with_their_results() -> None:
    """Only those after the last question count."""
    turn = (("assistant", CALL), ("user", RESULT))
    ask = _found(
        OFFER, ("user", "go"), *turn, ("assistant", "Done."), ("user", "and?"), *turn
    ).as_plan_request(today=date(2026, 1, 1))

    assert (ask.question, ask.made) == ("and?", (MADE,))
    assert [tool.name for tool in ask.tools] == ["f"]
    assert (ask.choice.mode, ask.parallel) == ("auto", True)


def test_the_tool_choice_is_read_from_the_prompt() -> None:
    """That it must be a call, of which tool, and one at a time."""
    must = _found(f"{OFFER} Your next answer must be a tool call. Call one tool at a time.")
    named = _found(f"{OFFER} Your next answer must be a call of the tool f.")

    assert (must.choice.mode, must.choice.name, must.parallel) == ("required", None, False)
    assert (named.choice.mode, named.choice.name) == ("required", "f")


def test_a_chat_without_an_offer_is_none() -> None:
    """A user who writes the marks offers nothing."""
    assert _find("Be kind.", ("user", OFFER)) is None
