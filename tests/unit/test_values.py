"""Small values: content, messages, usage, tool choice, requests, wire heads, errors."""

import pickle
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from agentkit.chat import ModelRequest, ToolChoice
from agentkit.clock import SystemClock
from agentkit.content import EmbeddedResource, ReasoningContent, TextContent
from agentkit.errors import ProviderError, StatusError
from agentkit.history import History
from agentkit.message import AssistantMessage, SystemMessage, ToolCall, ToolResult, UserMessage
from agentkit.usage import Usage
from agentkit.wire import WireHead


def test_the_text_of_a_message_is_its_text_blocks_joined() -> None:
    """Reasoning is apart, and other blocks are passed over."""
    message = AssistantMessage(
        content=(
            ReasoningContent(text="hm, "),
            TextContent(text="It is "),
            EmbeddedResource(uri="u", text="not said"),
            TextContent(text="blue."),
            ReasoningContent(text="yes"),
        )
    )

    assert message.text == "It is blue."
    assert message.reasoning == "hm, yes"
    assert UserMessage.of("").content == ()
    assert ToolResult.of("1", "a", is_error=True).text == "a"
    assert SystemMessage(text="s").role == "system"


@pytest.mark.parametrize("contents", [{}, {"text": "a", "blob": "YQ=="}])
def test_an_embedded_resource_holds_text_or_a_blob(contents: dict[str, str]) -> None:
    """Neither and both are refused."""
    with pytest.raises(ValueError, match="either text or a blob"):
        EmbeddedResource(uri="u", text=contents.get("text"), blob=contents.get("blob"))


def test_usage_adds_up_and_remembers_what_is_not_known() -> None:
    """A cost that nobody told is not zero; an estimate taints the sum."""
    known = Usage(input_tokens=1, output_tokens=2, cost_usd=Decimal("0.5"))
    unknown = Usage(
        input_tokens=10,
        output_tokens=20,
        cache_read_tokens=3,
        cache_write_tokens=4,
        reasoning_tokens=5,
        is_estimate=True,
    )

    assert known + unknown == Usage(
        input_tokens=11,
        output_tokens=22,
        cache_read_tokens=3,
        cache_write_tokens=4,
        reasoning_tokens=5,
        cost_usd=Decimal("0.5"),
        is_estimate=True,
    )
    assert (unknown + known).cost_usd == Decimal("0.5")
    assert (unknown + unknown).cost_usd is None
    assert (known + known).cost_usd == Decimal("1.0")
    assert (known + unknown).total_tokens == 33


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
    """What is no mode is a tool's name, and a name is forced."""
    assert ToolChoice.parse(text) == choice
    assert choice.is_forced == (choice.mode == "required")


def test_a_named_choice_that_is_not_forced_is_refused() -> None:
    """A name beside `auto` would be ignored by every host."""
    with pytest.raises(ValueError, match="mode 'required'"):
        ToolChoice(mode="auto", name="x")


def test_a_request_never_carries_a_call_without_a_result() -> None:
    """Every host refuses it, so it cannot be built."""
    history = History([UserMessage.of("hi"), AssistantMessage.of("", ToolCall(id="1", name="a"))])

    with pytest.raises(ValueError, match="have no result yet"):
        ModelRequest(history=history)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [({}, None), ({"x-request-id": "r1", "cf-ray": "c"}, "r1"), ({"cf-ray": "c"}, "c")],
)
def test_the_head_of_an_answer_tells_the_hosts_own_id(
    headers: dict[str, str], expected: str | None
) -> None:
    """The most specific header wins."""
    assert WireHead(status=200, headers=headers).request_id == expected


def test_the_head_of_an_answer_tells_success_and_form() -> None:
    """Parameters of the content type do not matter."""
    stream = WireHead(status=200, headers={"content-type": "Text/Event-Stream; charset=utf-8"})

    assert stream.is_success
    assert stream.is_event_stream
    assert not WireHead(status=302).is_success
    assert not WireHead(status=199).is_success
    assert not WireHead(status=200).is_event_stream


def test_an_error_survives_pickling() -> None:
    """A worker process can hand it on with all its facts."""
    error = StatusError(
        "slow down", kind="rate_limit", retry="same", status=429, retry_after_seconds=7
    )
    error.host = "openrouter"

    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is StatusError
    assert str(copy) == "slow down"
    assert vars(copy) == vars(error)
    assert copy.retryable
    assert not ProviderError("x").retryable


def test_the_system_clock_tells_utc_and_never_goes_back() -> None:
    """Durations are differences of the monotonic reading."""
    clock = SystemClock()

    assert clock.now().tzinfo is UTC
    assert abs((datetime.now(tz=UTC) - clock.now()).total_seconds()) < 60
    assert clock.monotonic() <= clock.monotonic()
