"""The conversation compiler, rule by rule; that Mistral agrees is a property test."""

import pytest

from agentkit.chat import ModelRequest
from agentkit.content import AudioContent, EmbeddedResource, ReasoningContent, TextContent
from agentkit.dialect.mistral_rules import NO_OUTPUT, nine_char_id, result_text
from agentkit.errors import UnsupportedError
from agentkit.history import History
from agentkit.message import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolResult,
    UserMessage,
)
from tests.complete_prompt import compile_history

HI = UserMessage("hi")
GO_ON = UserMessage("Go on.")
OK = AssistantMessage("OK.")
CALL = ToolCall(id="a1B2c3D4e", name="add", arguments="{}")
ASK = AssistantMessage(tool_calls=[CALL])
RESULT = ToolResult("a1B2c3D4e", "3")


def compiled(*messages: Message, instructions: str = "") -> list[Message]:
    """Return these messages within the rules."""
    return compile_history(ModelRequest(history=History(messages), instructions=instructions))


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param([], [GO_ON], id="nothing"),
        pytest.param([HI], [HI], id="a question"),
        pytest.param([HI, ASK, RESULT], [HI, ASK, RESULT], id="a result"),
        pytest.param([HI, UserMessage("more")], [UserMessage("hi\n\nmore")], id="users are joined"),
        pytest.param(
            [HI, AssistantMessage("a"), AssistantMessage("b"), HI],
            [HI, AssistantMessage("a\n\nb"), HI],
            id="assistants are joined",
        ),
        pytest.param(
            [HI, AssistantMessage("a")],
            [HI, AssistantMessage("a"), GO_ON],
            id="never an assistant last",
        ),
        pytest.param(
            [AssistantMessage("a"), HI],
            [GO_ON, AssistantMessage("a"), HI],
            id="an assistant first",
        ),
        pytest.param([ASK, RESULT], [GO_ON, ASK, RESULT], id="a call first"),
        pytest.param([HI, ASK, RESULT, HI], [HI, ASK, RESULT, OK, HI], id="a user after a result"),
        pytest.param(
            [HI, ASK, RESULT, AssistantMessage("3"), HI],
            [HI, ASK, RESULT, AssistantMessage("3"), HI],
            id="an answer after a result",
        ),
        pytest.param(
            [HI, AssistantMessage("a"), ASK, RESULT],
            [HI, AssistantMessage("a"), GO_ON, ASK, RESULT],
            id="a call after text",
        ),
        pytest.param(
            [HI, AssistantMessage("I add.", tool_calls=[CALL]), RESULT],
            [HI, ASK, RESULT],
            id="text next to a call",
        ),
        pytest.param(
            [HI, AssistantMessage(" \n"), UserMessage(""), HI],
            [UserMessage("hi\n\nhi")],
            id="empty messages",
        ),
        pytest.param(
            [HI, AssistantMessage(content=(ReasoningContent("hm"),)), ASK, RESULT],
            [HI, ASK, RESULT],
            id="thoughts",
        ),
        pytest.param(
            [HI, AssistantMessage("a \n"), HI],
            [HI, AssistantMessage("a"), HI],
            id="space at the end of an answer",
        ),
        pytest.param(
            [HI, ASK, ToolResult(call_id="a1B2c3D4e")],
            [HI, ASK, ToolResult("a1B2c3D4e", NO_OUTPUT)],
            id="a result without output",
        ),
        pytest.param(
            [
                UserMessage(content=(TextContent("a"), TextContent("b"))),
                ASK,
                ToolResult("a1B2c3D4e", "no", is_error=True),
            ],
            [UserMessage("a\nb"), ASK, ToolResult("a1B2c3D4e", "no", is_error=True)],
            id="blocks become one text",
        ),
    ],
)
def test_a_conversation_keeps_its_meaning_within_the_rules(
    messages: list[Message], expected: list[Message]
) -> None:
    """Roles in order, nothing empty, text or calls."""
    assert compiled(*messages) == expected


def test_all_instructions_are_in_one_system_message_first() -> None:
    """Wherever they were; the format has one place for them."""
    messages = (SystemMessage("one"), HI, SystemMessage(" "), SystemMessage("two"))

    assert compiled(*messages, instructions="zero") == [
        SystemMessage("zero\n\none\n\ntwo"),
        HI,
    ]


def test_ids_become_nine_letters_or_digits_in_call_and_result() -> None:
    """The same in every turn, for any ids of the provider."""
    history: list[Message] = [
        HI,
        AssistantMessage(tool_calls=[ToolCall(id="call_abc", name="add")]),
    ]
    history.append(ToolResult("call_abc", "3"))

    wire = nine_char_id("call_abc")
    assert compiled(*history)[1:] == [
        AssistantMessage(tool_calls=[ToolCall(id=wire, name="add")]),
        ToolResult(wire, "3"),
    ]
    assert wire == "zcLyzgNRz"


def test_two_ids_never_become_the_same() -> None:
    """Not even if one was chosen to look like the other."""
    look_alike = nine_char_id("call_abc")
    calls = (ToolCall(id="call_abc", name="add"), ToolCall(id=look_alike, name="add"))
    messages: list[Message] = [
        HI,
        AssistantMessage(tool_calls=calls),
        *(ToolResult(call.id, str(at)) for at, call in enumerate(calls)),
    ]

    asked, first, second = compiled(*messages)[1:]

    assert isinstance(asked, AssistantMessage)
    ids = [call.id for call in asked.tool_calls]
    assert ids[0] == look_alike
    assert ids[1] != look_alike
    assert [first, second] == [ToolResult(ids[0], "0"), ToolResult(ids[1], "1")]


@pytest.mark.parametrize(
    ("result", "text"),
    [
        pytest.param(
            ToolResult(call_id="1", structured_content={"Ä": [1]}), '{"Ä":[1]}', id="data"
        ),
        pytest.param(
            ToolResult(call_id="1", content=(TextContent("one"),), structured_content={"n": 1}),
            "one",
            id="text next to data",
        ),
        pytest.param(
            ToolResult(call_id="1", content=(EmbeddedResource(uri="file:///a", text="inside"),)),
            "inside",
            id="a text in it",
        ),
        pytest.param(
            ToolResult(call_id="1", content=(EmbeddedResource(uri="file:///a", text=""),)),
            "",
            id="an empty text in it",
        ),
        pytest.param(
            ToolResult(call_id="1", content=(EmbeddedResource(uri="file:///a", blob="AA=="),)),
            "[resource file:///a]",
            id="bytes in it",
        ),
    ],
)
def test_the_text_of_a_result_is_sent(result: ToolResult, text: str) -> None:
    """Structured content if there is no text; other content is named."""
    assert result_text(result) == text


def test_a_sound_of_the_user_is_refused() -> None:
    """Leaving it out would change the question."""
    with pytest.raises(UnsupportedError, match="audio"):
        compiled(UserMessage(content=(AudioContent(data="", mime_type="audio/wav"),)))
