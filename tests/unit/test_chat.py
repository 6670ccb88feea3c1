"""Requests and tool choices cannot be built wrong."""

import pytest

from agentkit.chat import ModelRequest, ToolChoice
from agentkit.history import History
from agentkit.message import AssistantMessage, ToolCall, UserMessage


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("auto", ToolChoice()),
        ("none", ToolChoice(mode="none")),
        ("required", ToolChoice(mode="required")),
        ("get_weather", ToolChoice(mode="required", name="get_weather")),
    ],
)
def test_a_tool_choice_is_read_from_a_word(text: str, choice: ToolChoice) -> None:
    """Any word but a mode is the name of a tool, which is then required."""
    assert ToolChoice.parse(text) == choice
    assert choice.is_forced == (choice.mode == "required")


def test_a_tool_choice_with_a_name_must_have_the_mode_required() -> None:
    """Every provider would ignore a name in the mode `auto`."""
    with pytest.raises(ValueError, match="mode 'required'"):
        ToolChoice(mode="auto", name="x")


def test_a_request_never_carries_a_call_without_a_result() -> None:
    """Every provider rejects it, so it cannot be built."""
    history = History(
        [UserMessage("hi"), AssistantMessage(tool_calls=[ToolCall(id="1", name="a")])]
    )

    with pytest.raises(ValueError, match="have no result yet"):
        ModelRequest(history=history)
