"""The messages of rejections; an oracle checks elsewhere which requests are rejected."""

import pytest

from agentkit.json_schema import JsonValue
from agentkit.sandbox.wire.mistral_checks import RuleViolation, find_violations

USER: JsonValue = {"role": "user", "content": "hi"}
RESULT: JsonValue = {"role": "tool", "content": "1", "tool_call_id": "abcdefgh1"}
TOOL: JsonValue = {"function": {"name": "f", "parameters": {}}}


def _calls(*ids: str, name: str = "f") -> JsonValue:
    calls: list[JsonValue] = [
        {"id": one, "function": {"name": name, "arguments": "{}"}} for one in ids
    ]
    return {"role": "assistant", "tool_calls": calls}


def _find(*messages: JsonValue, **more: JsonValue) -> RuleViolation | None:
    return next(find_violations({"messages": [*messages], **more}), None)


@pytest.mark.parametrize(
    ("messages", "words", "code"),
    [
        ([], "Conversation must have at least one message", "3230"),
        ([RESULT], "Conversation must start with a user message or system message", "3230"),
        ([USER, RESULT], "Unexpected role 'tool' after role 'user'", "3230"),
        ([USER, {"role": "assistant", "content": "x"}], "Expected last role User or Tool", "3230"),
        ([USER, _calls("abcdefgh1"), RESULT, USER],
         "Unexpected role 'user' after role 'tool'", "3230"),
        ([USER, _calls("abcdefgh1", "abcdefgh2"), RESULT],
         "Not the same number of function calls and responses", "3230"),
        ([USER, {"role": "assistant"}, USER], "either content or tool_calls, but not both", "3240"),
        ([USER, {"role": "assistant", "content": "x", "prefix": True}, USER],
         "prefix True must be last", None),
        ([USER, _calls("call_1"), RESULT], "Tool call id was call_1 but must be", "3280"),
        ([USER, _calls("null"), RESULT], "has to be defined in serving mode", "3280"),
        ([USER, _calls("abcdefgh1", name="a.b"), RESULT],
         "Function name was a.b but must be", None),
        ([USER, _calls("abcdefgh1"), {"role": "tool", "content": "1"}],
         "Tool call id has to be defined.", "3280"),
        ([USER, _calls("abcdefgh1"), {"role": "tool", "content": "1", "tool_call_id": "x"}],
         "Tool call id was x", "3280"),
        ([USER, _calls("abcdefgh1"),
          {"role": "tool", "content": "1", "tool_call_id": "abcdefgh1", "name": "a b"}],
         "Function name was a b", None),
    ],
)  # fmt: skip
def test_a_refusal_has_the_words_and_the_number_of_the_provider(
    messages: list[JsonValue], words: str, code: str | None
) -> None:
    """Clients match on them."""
    fault = _find(*messages)

    assert fault is not None
    assert words in fault.message
    assert fault.code == code


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"tool_choice": "any"}, "tool_choice is 'any' but no tools"),
        ({"tool_choice": "required"}, "tool_choice is 'required' but no tools"),
        ({"tool_choice": {"type": "function", "function": {"name": "g"}}, "tools": [TOOL]},
         "tool_choice names 'g'"),
        ({"tools": [{"function": {"name": "f", "parameters": {"type": "x"}}}]},
         "Invalid tool schema"),
        ({"tools": [{"function": {"name": "a b", "parameters": {}}}]}, "Function name was a b"),
    ],
)  # fmt: skip
def test_tools_and_choices_that_are_not_possible_are_rejected(
    more: dict[str, JsonValue], words: str
) -> None:
    """Before any answer."""
    fault = _find(USER, **more)

    assert fault is not None
    assert words in fault.message


@pytest.mark.parametrize(
    "choice",
    ["auto", "none", "any", "required", {"type": "function", "function": {"name": "f"}}],
    ids=str,
)
def test_every_form_of_a_choice_is_accepted(choice: JsonValue) -> None:
    """The old word, the new one, and a name."""
    assert _find(USER, tools=[TOOL], tool_choice=choice) is None


def test_text_in_parts_counts_as_content() -> None:
    """An empty list of parts does not."""
    parts: JsonValue = [{"type": "text", "text": "a"}]
    said: JsonValue = {"role": "assistant", "content": parts}
    silent: JsonValue = {"role": "assistant", "content": []}

    assert _find(USER, said, USER) is None
    assert "either content or tool_calls" in str(_find(USER, silent, USER))
