"""Calls that a server left behind the arguments of a native call."""

import pytest

from agentkit.dialect.text_calls.glued import may_be_glued, split_glued
from agentkit.dialect.tool_call_assembler import CallDraft
from tests.unit.dialect.text_calls.readings import TOOLS


def split(arguments: str) -> list[tuple[str, str]]:
    """Return name and arguments of the calls in a native call of `add`."""
    calls = split_glued(CallDraft(name="add", arguments=arguments), TOOLS)
    return [(call.name, call.arguments) for call in calls]


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        '{"a": [{"b": 1}, {"b": {"c": []}}], "d": [[{}]]}',
        '{\n  "a": {\n    "b": [\n      {}\n    ]\n  },\n  "c": 1\n}\n',
    ],
)
def test_nothing_is_behind_usual_json(arguments: str) -> None:
    """It is not parsed once more."""
    assert not may_be_glued(arguments)


@pytest.mark.parametrize(
    "behind",
    [
        '[TOOL_CALLS]fs.read[ARGS]{"a": 3}',
        '[TOOL_CALLS] [{"name": "fs.read", "arguments": {"a": 3}}]',
        ' fs.read{"a": 3}',
        'fs.read[ARGS]{"a": 3}</s>',
        '\n<tool_call>\n{"name": "fs.read", "arguments": {"a": 3}}\n</tool_call>',
    ],
)
def test_a_call_behind_the_arguments_is_a_call(behind: str) -> None:
    """Both are certain, so both run."""
    assert may_be_glued(f'{{"a": 1}}{behind}')
    assert may_be_glued(f'{{"a": {{"b": []}}}}] , {behind}')
    assert split(f'{{"a": 1}}{behind}') == [("add", '{"a": 1}'), ("fs.read", '{"a": 3}')]


@pytest.mark.parametrize(
    "arguments",
    [
        '{"a": 1}',
        '{"b": 2} wait, b should be 3: {"b": 3}',
        '{"a": 1} unknown{"a": 3}',
        '{"a": 1} fs.read{"a": 3} and more',
        '{"a": 1}[TOOL_CALLS] [sic]',
        '{"a": "[TOOL_CALLS]now{}"}',
        '["a"][TOOL_CALLS]now{}',
        "not JSON [TOOL_CALLS]now{}",
    ],
)
def test_what_is_not_certain_is_left_to_the_validator(arguments: str) -> None:
    """It rejects the call, and the model gets to know."""
    assert split(arguments) == [("add", arguments)]
