"""Tools in the words of a chat."""

from datetime import date

from pydantic import TypeAdapter

from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.question import Made
from agentkit.sandbox.wire.chat_body import MessageBody
from agentkit.sandbox.wire.prompted_chat import Prompted, find_prompted

OFFER = 'Call: [AVAILABLE_TOOLS] [{"function": {"name": "f", "parameters": {}}}][/AVAILABLE_TOOLS]'
CALL = '[TOOL_CALLS] [{"name": "f", "arguments": {"x": 1}, "id": "a"}]'
RESULT = '[TOOL_RESULTS] {"content": "done", "call_id": "a"}[/TOOL_RESULTS]'
MADE = Made(name="f", arguments={"x": 1}, result="done")


def _find(system: str, *said: tuple[str, str]) -> Prompted | None:
    messages: list[JsonValue] = [
        {"role": role, "content": text} for role, text in (("system", system), *said)
    ]
    return find_prompted(TypeAdapter(list[MessageBody]).validate_python(messages))


def _found(system: str, *said: tuple[str, str]) -> Prompted:
    found = _find(system, *said)
    assert found is not None
    return found


def test_calls_are_told_with_their_results() -> None:
    """Those before the last question are earlier ones."""
    turn = (("assistant", CALL), ("user", RESULT))
    ask = _found(
        OFFER, ("user", "go"), *turn, ("assistant", "Done."), ("user", "and?"), *turn
    ).as_ask(today=date(2026, 1, 1))

    assert (ask.question, ask.made, ask.earlier) == ("and?", (MADE,), (MADE,))
    assert [tool.name for tool in ask.tools] == ["f"]
    assert (ask.choice.mode, ask.parallel) == ("auto", True)


def test_what_is_asked_of_the_answer_is_read() -> None:
    """That it must be a call, of which tool, and one at a time."""
    must = _found(f"{OFFER} Your next answer must be a tool call. Call one tool at a time.")
    named = _found(f"{OFFER} Your next answer must be a call of the tool f.")

    assert (must.choice.mode, must.choice.name, must.parallel) == ("required", None, False)
    assert (named.choice.mode, named.choice.name) == ("required", "f")


def test_a_chat_without_an_offer_is_none() -> None:
    """A user who writes the marks offers nothing."""
    assert _find("Be kind.", ("user", OFFER)) is None
