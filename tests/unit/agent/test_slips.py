"""Mistakes of users who know other frameworks: each error names what to write instead."""

import asyncio  # noqa: TID251 - as many users start a run
import gc
from collections.abc import Coroutine
from typing import Any, cast

import anyio
import pytest

from agentkit import (
    Agent,
    AgentKitError,
    AssistantMessage,
    History,
    HistoryError,
    ImageContent,
    TextContent,
    UserMessage,
)
from agentkit.errors import UsageError
from agentkit.message import Content
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


@pytest.mark.parametrize("content", ["", " \n", [], [TextContent("")]], ids=repr)
def test_an_empty_message_is_an_error_before_anything_is_sent(content: Content) -> None:
    """Otherwise a provider would get words in its place that the caller never wrote."""
    model, empty = ScriptedModel("a"), UserMessage(content)

    with pytest.raises(HistoryError, match="prompt is empty; give the model something"):
        Agent(model).run_sync(empty)
    with pytest.raises(HistoryError, match="last message of the conversation is empty"):
        Agent(model).run_sync(history=[UserMessage("a"), AssistantMessage("b"), empty])

    assert model.requests == []


def test_a_message_of_a_picture_alone_is_not_empty() -> None:
    """Models that read pictures answer it."""
    picture = UserMessage(ImageContent(data="AAAA", mime_type="image/png"))

    assert Agent(ScriptedModel("A cat.")).run_sync(picture).output == "A cat."


async def test_run_sync_inside_an_event_loop_is_an_error() -> None:
    """Such as in a notebook, where `await` works."""
    agent = Agent(ScriptedModel())

    with pytest.raises(UsageError, match=r"notebook; use 'await agent\.run\(\.\.\.\)'"):
        agent.run_sync("a")
    with pytest.raises(UsageError, match=r"use 'async with agent\.stream\(\.\.\.\)'"):
        agent.stream_sync("a")


def test_missing_dependencies_are_an_error_before_anything_is_sent() -> None:
    """Otherwise a tool would fail on None, and the model would read of it."""
    model = ScriptedModel("a")
    agent = Agent(model, deps_type=dict)

    with pytest.raises(TypeError, match=r"'dict'; give it: run\(…, deps=…\)"):
        agent.run_sync("a")  # type: ignore[call-overload]  # the mistake

    assert model.requests == []
    assert agent.run_sync("a", deps={}).output == "a"


@pytest.mark.parametrize("name", ["output", "text", "history", "new_messages"])
async def test_a_run_that_was_not_awaited_has_no_result(name: str) -> None:
    """It says how to await it."""
    model = ScriptedModel("a")

    with pytest.raises(UsageError, match=rf"no '{name}'; write 'result = await agent\.run\(…\)'"):
        getattr(Agent(model).run("a"), name)

    assert model.requests == []


async def test_a_run_is_a_coroutine_for_everything_else() -> None:
    """Event loops read its attributes, and `hasattr` does not fail."""
    pending = Agent(ScriptedModel("a")).run("a")

    assert isinstance(pending, Coroutine)
    assert hasattr(pending, "cr_frame")
    assert not hasattr(pending, "results")
    assert cast(Any, pending).__qualname__ == "Agent.run"
    assert (await pending).output == "a"


def test_a_run_that_is_dropped_is_a_warning_of_python() -> None:
    """With the name that the caller wrote."""
    with pytest.warns(RuntimeWarning, match=r"coroutine 'Agent\.run' was never awaited"):
        _drop(Agent(ScriptedModel()))


def _drop(agent: Agent) -> None:
    """Forget a run."""
    _ = agent.run("a")
    del _
    gc.collect()


def test_a_run_may_be_started_by_any_event_loop() -> None:
    """As a coroutine function, as a coroutine, and closed unused."""
    agent = Agent(ScriptedModel("a", "b", "c"))

    assert anyio.run(agent.run, "a").output == "a"
    assert anyio.run(agent.run, "b", backend="trio").output == "b"
    assert asyncio.run(agent.run("c")).output == "c"
    agent.run("d").close()
