"""Mistakes of users who know other frameworks: each error names what to write instead."""

from typing import Any, cast

import pytest

from agentkit import Agent, AgentKitError, History, UserMessage
from agentkit.testing import ScriptedModel


async def _look_up(word: str) -> str:
    """Look a word up."""
    return word


class _Search:
    """A class that was meant to be a tool."""


BUILD: list[tuple[dict[str, Any], str]] = [
    ({"tools": [_Search]}, r"_Search is a class; pass a function"),
    ({"tools": [_look_up("a")]}, r"was called; pass the function itself: tools=\[_look_up\]"),
    ({"tools": {"look_up": _look_up}}, r"write tools=\[\*tools\.values\(\)\]"),
    ({"tools": [_look_up, _look_up]}, r"Two tools have the name '_look_up'.*@tool\(name=…\)"),
    ({"system_prompt": "Be kind."}, r"no option 'system_prompt'; write instructions='…'"),
    ({"max_turns": 3}, r"no option 'max_turns'; write budget=Budget\(turns=…\)"),
    ({"temperature": 0}, r"no option 'temperature'; write settings=ModelSettings\(…\)"),
    ({"model": "mixtral-8x22b"}, r"write provider:model, e\.g\. 'openrouter:mixtral-8x22b'"),
]


@pytest.mark.parametrize(("options", "message"), BUILD, ids=[next(iter(one)) for one, _ in BUILD])
def test_an_agent_with_wrong_options_is_an_error(options: dict[str, Any], message: str) -> None:
    """Before anything is sent."""
    with pytest.raises((AgentKitError, TypeError), match=message):
        Agent(**{"model": ScriptedModel(), **options})


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        (History([UserMessage("a")]), r"write run\(history=…\)"),
        ([UserMessage("a")], r"write run\(history=…\)"),
        ({"role": "user", "content": "a"}, r"write UserMessage\('…'\)"),
    ],
)
def test_a_prompt_of_a_wrong_type_is_an_error(prompt: object, message: str) -> None:
    """A conversation goes into `history`."""
    with pytest.raises(AgentKitError, match=message):
        Agent[Any](ScriptedModel()).run_sync(cast(str, prompt))


def test_missing_dependencies_are_an_error_before_anything_is_sent() -> None:
    """Otherwise a tool would fail on None, and the model would read of it."""
    model = ScriptedModel("a")
    agent = Agent(model, deps_type=dict)

    with pytest.raises(TypeError, match=r"'dict'; give it: run\(…, deps=…\)"):
        agent.run_sync("a")  # type: ignore[call-overload]  # the mistake

    assert model.requests == []
    assert agent.run_sync("a", deps={}).output == "a"
