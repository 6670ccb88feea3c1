"""The Anthropic format: which requests are rejected and why, what the planner gets."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from agentkit.dialect.event_stream import compact_json
from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.plan_request import CallRecord
from agentkit.sandbox.wire.completion import CompletionRequest
from agentkit.sandbox.wire.messages_request import read_messages
from agentkit.sandbox.wire.providers import PROVIDERS
from agentkit.sandbox.wire.rejection import Rejection

FORM = replace(PROVIDERS["anthropic"], models=("m",))
TOOL: JsonValue = {"name": "f", "input_schema": {"type": "object"}}
ASKED: JsonValue = {"role": "user", "content": "go"}


def _use(call_id: str = "toolu_1") -> JsonValue:
    return {"type": "tool_use", "id": call_id, "name": "f", "input": {"x": 1}}


def _result(call_id: str = "toolu_1") -> JsonValue:
    content: JsonValue = [{"type": "text", "text": "done"}]
    return {"type": "tool_result", "tool_use_id": call_id, "content": content}


def _turn(role: str, *blocks: JsonValue) -> JsonValue:
    return {"role": role, "content": [*blocks]}


def _text(text: str) -> JsonValue:
    return {"type": "text", "text": text}


def _read(
    *turns: JsonValue, provider: str = "anthropic", **more: JsonValue
) -> CompletionRequest | Rejection:
    form = replace(PROVIDERS[provider], models=("m",))
    body: JsonValue = {"model": "m", "max_tokens": 9, "messages": [*turns], **more}
    return read_messages(compact_json(body).encode(), form=form, today=date(2026, 1, 1))


def _asked(*turns: JsonValue, **more: Any) -> CompletionRequest:
    read = _read(*turns, **more)
    assert isinstance(read, CompletionRequest), read
    return read


def test_calls_are_paired_with_their_results() -> None:
    """Those before the last question are earlier ones."""
    read = _asked(
        ASKED,
        _turn("assistant", _text("well"), _use()),
        _turn("user", _result(), _text("and now?")),
        _turn("assistant", _use("toolu_2")),
        _turn("user", _result("toolu_2")),
        system="be kind",
        tools=[TOOL],
        stop_sequences=["x"],
        stream=True,
    )
    made = CallRecord(name="f", arguments={"x": 1}, result="done")

    assert read.plan.question == "and now?"
    assert read.plan.made == (made,)
    assert [tool.name for tool in read.plan.tools] == ["f"]
    assert read.used_ids == {"toolu_1", "toolu_2"}
    assert (read.stop, read.is_stream, read.max_tokens) == (("x",), True, 9)


@pytest.mark.parametrize(
    ("provider", "choice", "mode", "name"),
    [
        ("anthropic", None, "auto", None),
        ("anthropic", {"type": "auto"}, "auto", None),
        ("anthropic", {"type": "any"}, "required", None),
        ("anthropic", {"type": "none"}, "none", None),
        ("anthropic", {"type": "tool", "name": "f"}, "required", "f"),
        ("llamacpp-anthropic", {"type": "none"}, "auto", None),
        ("llamacpp-anthropic", {"type": "tool", "name": "f"}, "auto", None),
    ],
)
def test_a_choice_is_respected_or_ignored_as_the_provider_does(
    provider: str, choice: JsonValue, mode: str, name: str | None
) -> None:
    """Others read it as `auto`."""
    read = _asked(ASKED, provider=provider, tools=[TOOL], tool_choice=choice)

    assert (read.plan.choice.mode, read.plan.choice.name) == (mode, name)


def test_one_call_at_a_time_can_be_asked_for() -> None:
    """Where several would come by themselves."""
    single: JsonValue = {"type": "auto", "disable_parallel_tool_use": True}

    assert _asked(ASKED, tools=[TOOL]).plan.parallel
    assert not _asked(ASKED, tools=[TOOL], tool_choice=single).plan.parallel


@pytest.mark.parametrize(
    ("turns", "more", "words"),
    [
        ([_turn("assistant", _text("x"))], {}, "first message must use"),
        ([_turn("user", _text(" "))], {}, "non-whitespace"),
        ([_turn("user", _use())], {}, "only be in `assistant`"),
        ([ASKED, _turn("assistant", _result())], {}, "only be in `user`"),
        ([ASKED, _turn("assistant", _use())], {}, "without `tool_result` blocks after"),
        ([ASKED, _turn("assistant", _use()), ASKED], {}, "immediately after: toolu_1"),
        ([ASKED, _turn("user", _result())], {}, "unexpected `tool_use_id`"),
        (
            [ASKED, _turn("assistant", _use()), _turn("user", _text("x"), _result())],
            {},
            "must come first",
        ),
        (
            [ASKED, _turn("assistant", _use(), _use()), _turn("user", _result())],
            {},
            "must be unique",
        ),
        ([ASKED], {"tools": [TOOL, TOOL]}, "Tool names must be unique"),
        ([ASKED], {"tool_choice": {"type": "any"}}, "only be specified while providing tools"),
        (
            [ASKED],
            {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "g"}},
            "Tool 'g' not found",
        ),
        ([ASKED], {"model": "other"}, "The model 'other' does not exist."),
        ([ASKED], {"max_tokens": None}, "max_tokens: Input should be a valid integer"),
        ([ASKED], {"seed": 1}, "seed: Extra inputs are not permitted"),
        ([_turn("user", _text(""))], {}, "at least 1 character"),
    ],
)
def test_a_request_that_breaks_the_format_is_rejected(
    turns: list[JsonValue], more: dict[str, Any], words: str
) -> None:
    """The message names the place."""
    read = _read(*turns, **more)

    assert isinstance(read, Rejection)
    assert words in read.message


def test_a_template_that_wants_nine_characters_says_so() -> None:
    """Though the form itself takes longer ids."""
    turns = (ASKED, _turn("assistant", _use()), _turn("user", _result()))
    nine = (ASKED, _turn("assistant", _use("abcdefgh1")), _turn("user", _result("abcdefgh1")))
    refused = _read(*turns, provider="llamacpp-anthropic")

    assert isinstance(refused, Rejection)
    assert "length of 9" in refused.message
    assert isinstance(_read(*nine, provider="llamacpp-anthropic"), CompletionRequest)
    assert isinstance(_read(*turns), CompletionRequest)


def test_counting_needs_no_limit() -> None:
    """And knows no stream."""
    body: JsonValue = {"model": "m", "messages": [ASKED]}
    read = read_messages(
        compact_json(body).encode(), form=FORM, today=date(2026, 1, 1), is_count=True
    )

    assert isinstance(read, CompletionRequest)
    assert (read.max_tokens, read.stop, read.is_stream) == (None, (), False)
