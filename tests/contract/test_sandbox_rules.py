"""The sandbox refuses what Mistral's own validator for this model refuses, and nothing else.

Known differences, on purpose: providers refuse a user message right after a tool result, which
mistral-common 1.13 accepts; providers take only text as a tool's content; a forced choice needs a
tool; and an id or a name that ends with a newline is refused, which slips through a `$`.
"""

import json
import warnings
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mistral_common.exceptions import MistralCommonException
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.validator import (
    MistralRequestValidatorV3,
    ValidationMode,
)
from pydantic import ValidationError

from agentkit.json_schema import JsonValue
from agentkit.sandbox.wire.chat_request import read_chat
from agentkit.sandbox.wire.completion import CompletionRequest
from agentkit.sandbox.wire.providers import find_provider_format

SANDBOX = find_provider_format("sandbox", model="mixtral-8x22b")
_IDS = st.sampled_from(
    ["abcdefgh1", "ABCDEFGH2", "123456789", "null", "short", "toolong0123", "a-b-c-d-e"]
)
_NAMES = st.sampled_from(["f", "get_weather", "a-b", "a.b", "", "x" * 64, "x" * 65, "a b"])
_TEXTS = st.sampled_from(["", "hello", " ", "[TOOL_CALLS]"])
_CHUNKS = st.lists(
    st.one_of(
        st.fixed_dictionaries({"type": st.just("text"), "text": _TEXTS}),
        st.just({"type": "text"}),
        st.just({"type": "odd", "text": "x"}),
    ),
    max_size=2,
)
_CONTENT = st.one_of(_TEXTS, _TEXTS, _CHUNKS, st.none(), st.just(7))


def _optional(**fields: st.SearchStrategy[object]) -> dict[str, st.SearchStrategy[object]]:
    return fields


_CALLS = st.lists(
    st.fixed_dictionaries(
        {
            "function": st.fixed_dictionaries(
                {
                    "name": _NAMES,
                    "arguments": st.sampled_from(["{}", "not json", "", {"x": 1}, "[1]"]),
                }
            )
        },
        optional=_optional(id=_IDS, type=st.sampled_from(["function", "function", "other"])),
    ),
    max_size=2,
)
_GOOD_CALLS = st.lists(
    st.sampled_from(["abcdefgh1", "ABCDEFGH2"]).map(
        lambda one: {"id": one, "function": {"name": "f", "arguments": "{}"}}
    ),
    min_size=1,
    max_size=2,
)
_ODD = _optional(extra=st.just(1))
_MESSAGES = st.one_of(
    st.fixed_dictionaries({"role": st.just("user"), "content": _TEXTS}),
    st.fixed_dictionaries({"role": st.just("system"), "content": _TEXTS}),
    st.fixed_dictionaries({"role": st.just("assistant"), "content": st.just("hi")}),
    st.fixed_dictionaries({"role": st.just("assistant"), "tool_calls": _GOOD_CALLS}),
    st.fixed_dictionaries(
        {"role": st.just("tool"), "content": _TEXTS, "tool_call_id": st.just("abcdefgh1")}
    ),
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "system"]), "content": _CONTENT}, optional=_ODD
    ),
    st.fixed_dictionaries(
        {"role": st.just("assistant")},
        optional=_optional(
            content=_CONTENT,
            tool_calls=st.one_of(_CALLS, st.none()),
            prefix=st.booleans(),
            name=st.just("bob"),
        ),
    ),
    st.fixed_dictionaries(
        {"role": st.just("tool"), "content": st.one_of(_TEXTS, st.none(), st.just(7))},
        optional=_optional(tool_call_id=st.one_of(_IDS, st.none()), name=_NAMES, extra=st.just(1)),
    ),
)
_SCHEMAS = st.sampled_from(
    [
        {},
        {"type": "object", "properties": {"x": {"type": ["string", "null"]}}},
        {"type": "obj"},
        {"properties": 3},
        {"$defs": {"a": {"type": "string"}}, "required": ["x"]},
        {"required": "x"},
    ]
)
_TOOLS = st.lists(
    st.fixed_dictionaries(
        {
            "function": st.fixed_dictionaries(
                {"name": _NAMES, "parameters": _SCHEMAS},
                optional=_optional(
                    description=st.sampled_from(["", "does it"]),
                    strict=st.booleans(),
                    returns=st.just("odd"),
                ),
            )
        },
        optional=_optional(type=st.sampled_from(["function", "function", "web"])),
    ),
    min_size=1,
    max_size=2,
)


def _oracle_accepts(body: dict[str, JsonValue]) -> bool:
    validator: MistralRequestValidatorV3 = MistralRequestValidatorV3(mode=ValidationMode.serving)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydantic warns about what it then refuses
            validator.validate_request(ChatCompletionRequest.model_validate(body))
    except (ValidationError, MistralCommonException):
        return False
    return True


def _accepts(body: dict[str, JsonValue]) -> bool:
    read = read_chat(json.dumps(body).encode(), form=SANDBOX, today=date(2026, 1, 1))
    return isinstance(read, CompletionRequest)


def _has_user_after_result(messages: list[dict[str, JsonValue]]) -> bool:
    return any(a["role"] == "tool" and b["role"] == "user" for a, b in pairwise(messages))


@settings(max_examples=200)
@given(messages=st.lists(_MESSAGES, max_size=5))
def test_the_same_conversations_are_accepted_as_by_mistrals_own_validator(
    messages: list[dict[str, JsonValue]],
) -> None:
    """Whatever the messages, in whatever order."""
    body: dict[str, JsonValue] = {"model": "mixtral-8x22b", "messages": [*messages]}

    expected = _oracle_accepts(body) and not _has_user_after_result(messages)

    assert _accepts(body) == expected


@settings(max_examples=100)
@given(tools=_TOOLS)
def test_the_same_tools_are_accepted_as_by_mistrals_own_validator(
    tools: list[dict[str, JsonValue]],
) -> None:
    """Names, schemas of draft 7 and unknown fields."""
    messages: list[JsonValue] = [{"role": "user", "content": "hi"}]
    body: dict[str, JsonValue] = {"model": "mixtral-8x22b", "messages": messages, "tools": [*tools]}

    assert _accepts(body) == _oracle_accepts(body)


_RESULTS: list[dict[str, JsonValue]] = [
    {"role": "user", "content": "go"},
    {
        "role": "assistant",
        "tool_calls": [{"id": "abcdefgh1", "function": {"name": "f", "arguments": "{}"}}],
    },
    {"role": "tool", "content": "1", "tool_call_id": "abcdefgh1"},
]


@pytest.mark.parametrize(
    ("messages", "differs"),
    [
        pytest.param(_RESULTS, False, id="results last"),
        pytest.param(
            [*_RESULTS, {"role": "assistant", "content": "done"}, {"role": "user", "content": "x"}],
            False,
            id="answered in between",
        ),
        pytest.param([*_RESULTS, {"role": "user", "content": "x"}], True, id="user after result"),
        pytest.param(
            [{"role": "assistant", "content": "x", "prefix": True}], False, id="prefix alone"
        ),
        pytest.param(
            [
                {"role": "user", "content": "x"},
                {"role": "assistant", "content": "x", "prefix": True},
            ],
            False,
            id="prefix last",
        ),
        pytest.param(
            [_RESULTS[0], _RESULTS[1], {**_RESULTS[2], "tool_call_id": "abcdefgh1\n"}],
            True,
            id="id with a newline",
        ),
        pytest.param(
            [_RESULTS[0], _RESULTS[1], {**_RESULTS[2], "content": [{"type": "text", "text": "1"}]}],
            True,
            id="tool content in pieces",
        ),
    ],
)
def test_where_the_sandbox_is_stricter_is_known(
    messages: list[dict[str, JsonValue]], differs: bool
) -> None:
    """Each difference is one that real providers have."""
    body: dict[str, JsonValue] = {"model": "mixtral-8x22b", "messages": [*messages]}

    assert (_accepts(body) != _oracle_accepts(body)) == differs
