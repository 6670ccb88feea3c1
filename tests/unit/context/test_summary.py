"""The dropped part of a conversation is summarized."""

from functools import partial

import pytest

from agentkit.chat import FinishReason, ModelResponse
from agentkit.content import ReasoningContent
from agentkit.context.summary import (
    HEADING,
    INSTRUCTIONS,
    QUESTION,
    Summary,
    summarize,
    with_summary,
)
from agentkit.errors import TransportError
from agentkit.event import ignore
from agentkit.message import AssistantMessage, Message, SystemMessage, ToolCall, ToolResult
from agentkit.message import UserMessage as User
from agentkit.testing.scripted import ScriptedAnswer, ScriptedModel
from agentkit.usage import Usage
from tests.unit.context.long_conversation import LetterCounter, asking, chatting

USED = Usage(input_tokens=10, output_tokens=2)
CALL = ToolCall(id="a", name="read", arguments='{"path": "x"}')
DONE = (
    SystemMessage("Never mention the sea."),
    User("Find the bug."),
    AssistantMessage("I look.", tool_calls=[CALL]),
    ToolResult("a", "no such file", is_error=True),
    AssistantMessage("There is no file x."),
)


async def summarize_with(
    *answers: ScriptedAnswer, messages: tuple[Message, ...] = DONE, max_prompt_tokens: int = 5000
) -> tuple[Summary, ScriptedModel]:
    """Summarize with a scripted model."""
    model = ScriptedModel(*answers)
    summary = await summarize(
        messages,
        ask=partial(model.chat, emit=ignore),
        counter=LetterCounter(),
        max_prompt_tokens=max_prompt_tokens,
        max_tokens=90,
    )
    return summary, model


def answer(text: str, finish_reason: FinishReason = "stop") -> ModelResponse:
    """Return a response with usage."""
    return ModelResponse(message=AssistantMessage(text), finish_reason=finish_reason, usage=USED)


async def test_the_transcript_contains_texts_calls_and_results() -> None:
    """As prose, without tools, and bounded."""
    summary, model = await summarize_with(answer("  A bug was not found. "))

    (request,) = model.requests
    assert summary == Summary(text="A bug was not found.", usage=USED)
    assert [message.text for message in request.history if isinstance(message, User)] == [
        "User: Find the bug.\n\n"
        "Assistant: I look.\n\n"
        'Assistant calls read: {"path": "x"}\n\n'
        "Error of read: no such file\n\n"
        "Assistant: There is no file x.\n\n"
        "Sum up this conversation in at most 60 words."
    ]
    assert (request.instructions, request.settings.max_tokens) == (INSTRUCTIONS, 90)
    assert (request.tools, request.stream) == ((), False)


async def test_a_result_without_its_call_is_in_the_transcript() -> None:
    """The dropped part may begin in the middle of a turn."""
    _, model = await summarize_with("ok", messages=(ToolResult("a", "7"),))

    (message,) = model.requests[0].history
    assert isinstance(message, User)
    assert message.text.startswith("Result of a tool: 7\n\n")


async def test_a_huge_result_leaves_space_for_others() -> None:
    """Its middle is omitted."""
    _, model = await summarize_with(
        "ok",
        messages=(*DONE[:3], ToolResult("a", "r" * 100_000), *DONE[4:]),
    )

    (message,) = model.requests[0].history
    assert isinstance(message, User)
    assert "User: Find the bug." in message.text
    assert "There is no file x." in message.text
    assert len(message.text) < 4300


async def test_a_transcript_longer_than_the_window_is_shortened_until_it_fits() -> None:
    """Its beginning and its end are kept."""
    _, model = await summarize_with(
        "ok", messages=tuple(chatting(5000, text="a very long talk")), max_prompt_tokens=2000
    )

    (request,) = model.requests
    (message,) = request.history
    assert isinstance(message, User)
    assert 1000 < LetterCounter().count(request) <= 2000
    assert message.text.startswith("User: a very long talk 0?")
    assert "Assistant: a very long talk 4999." in message.text


@pytest.mark.parametrize(
    ("given", "summary"),
    [
        pytest.param(
            answer("half a sen", "length"),
            Summary(text="half a sen [...]", usage=USED),
            id="cut off",
        ),
        pytest.param(
            answer(" \n"), Summary(error="the model gave no text", usage=USED), id="blank"
        ),
        pytest.param(
            ModelResponse(
                message=AssistantMessage(content=(ReasoningContent("hm"),)),
                finish_reason="stop",
            ),
            Summary(error="the model gave no text"),
            id="only thoughts",
        ),
        pytest.param(
            answer("I cannot", "content_filter"),
            Summary(error="the model stopped with content_filter", usage=USED),
            id="filtered",
        ),
        pytest.param(
            TransportError("The provider is gone."),
            Summary(error="TransportError: The provider is gone."),
            id="failed",
        ),
    ],
)
async def test_a_failure_is_a_value(given: ScriptedAnswer, summary: Summary) -> None:
    """The run can continue without a summary."""
    assert (await summarize_with(given))[0] == summary


async def test_no_request_is_sent_if_the_prompt_cannot_fit() -> None:
    """The instructions alone are longer."""
    summary, model = await summarize_with(max_prompt_tokens=300)

    assert summary == Summary(error="300 tokens are too few to ask for a summary")
    assert model.requests == []


async def test_an_empty_transcript_ends_the_search() -> None:
    """It cannot be made shorter."""
    summary, _ = await summarize_with(max_prompt_tokens=300, messages=())

    assert summary.error is not None


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_summary_follows_the_first_system_messages(at: int) -> None:
    """As a question of the user and an answer with a heading."""
    system = tuple(SystemMessage(str(number)) for number in range(at))

    request = with_summary(asking(*system, *DONE[1:]), "All was well.")

    pair = (User(QUESTION), AssistantMessage(f"{HEADING}\nAll was well."))
    assert request.history.messages == (*system, *pair, *DONE[1:])


def test_a_summary_may_be_the_only_message() -> None:
    """After the system messages."""
    request = with_summary(asking(SystemMessage("s")), "x")

    assert len(request.history) == 3
