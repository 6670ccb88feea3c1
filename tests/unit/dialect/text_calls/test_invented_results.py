"""A tool result that the model wrote itself is never an answer."""

import pytest

from agentkit.history import History
from agentkit.message import AssistantMessage, ToolCall, ToolResult, UserMessage
from tests.unit.dialect.text_calls.readings import NO_TOOLS, read

INVENTED = [
    '<tool_response>{"content": "sunny"}',
    "<tool_response>\nsunny\n</tool_response>\nIt is sunny.",
    '[TOOL_RESULTS] {"content": 12}[/TOOL_RESULTS]',
    '<tool_response>{}</tool_response>\n<tool_call>{"name": "now", "arguments": {}}</tool_call>',
    "```tool_output\n12\n```",
    "<|im_end|>\n<tool_response>12</tool_response>",
    "<think>It needs a tool.</think>\n<tool_response>12</tool_response>",
    "I look.\n<tool_response>12</tool_response>\nIt is 12.",
    "`x` is this:\n\n  [TOOL_RESULTS]12[/TOOL_RESULTS]",
]


@pytest.mark.parametrize("size", [None, 1, 7])
@pytest.mark.parametrize("text", INVENTED)
def test_an_answer_that_holds_a_tool_result_is_malformed(text: str, size: int | None) -> None:
    """No tool returned it: it is asked for again, and nothing of it is shown or run."""
    answer = read(text, size=size)

    assert answer.is_invented_result
    assert answer.drafts == ()
    assert "12" not in answer.text
    assert "sunny" not in answer.text


@pytest.mark.parametrize("size", [None, 1, 7])
def test_a_tool_result_that_is_mentioned_quoted_or_was_read_is_text(size: int | None) -> None:
    """So that a model can explain a format, or repeat what it was given."""
    result = "<tool_response>12</tool_response>"
    history = History((UserMessage(f"Repeat this: {result}"),))

    for text in (f"They have the form {result} here.", f"`{result}`", f"```xml\n{result}\n```"):
        answer = read(text, size=size)
        assert (answer.text, answer.is_invented_result) == (text, False)
    repeated = read(result, size=size, history=history)
    assert ("12" in repeated.text, repeated.is_invented_result) == (True, False)
    without_tools = read(result, size=size, tools=NO_TOOLS)
    assert ("12" in without_tools.text, without_tools.is_invented_result) == (True, False)


def test_a_page_that_holds_a_tool_result_cannot_make_answers_fail() -> None:
    """An answer that repeats its line is text; another result in the same answer is not."""
    line = "<tool_response>12</tool_response>"
    call = ToolCall(id="call00001", name="now", arguments="{}")
    page = ToolResult("call00001", f"Welcome.\n{line}\nBye.")
    history = History(
        (UserMessage("What does the page say?"), AssistantMessage(tool_calls=(call,)), page)
    )

    repeated = read(f"The page says:\n{line}\nThat is all.", history=history)
    invented = read(f"The page says:\n{line}\n<tool_response>13", history=history)

    assert not repeated.is_invented_result
    assert "12" in repeated.text
    assert "That is all." in repeated.text
    assert invented.is_invented_result
