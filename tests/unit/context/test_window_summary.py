"""Summaries replace dropped turns."""

import logging
from dataclasses import replace
from decimal import Decimal
from functools import partial

import anyio
import pytest

from agentkit.chat import ModelRequest, ModelResponse
from agentkit.context.summary import HEADING, INSTRUCTIONS, QUESTION
from agentkit.context.window import ContextSettings
from agentkit.errors import TransportError
from agentkit.event import Emit, ignore
from agentkit.history import History
from agentkit.message import AssistantMessage, SystemMessage
from agentkit.message import UserMessage as User
from agentkit.testing.scripted import ScriptedModel
from agentkit.usage import Usage
from tests.unit.context.fitting import TASK, WORDS, Fitting, exact
from tests.unit.context.long_conversation import asking, chatting, turn, working

USED = Usage(input_tokens=900, output_tokens=80, cost_usd=Decimal("0.01"))
SUMMARIZE = ContextSettings(summarize=True, summary_tokens=100)


def answered(text: str) -> ModelResponse:
    """Return a summary with usage."""
    return ModelResponse(message=AssistantMessage(text), finish_reason="stop", usage=USED)


async def test_dropped_turns_are_replaced_by_a_summary() -> None:
    """The transcript also contains the task, which is kept."""
    fitting = Fitting.of(answered("All files up to 9 are fine."), settings=SUMMARIZE)
    rules = SystemMessage("Be exact.")
    request = asking(rules, TASK, *working(30, result=WORDS * 3))

    fitted = await fitting.fit(request)

    pair = (User(QUESTION), AssistantMessage(f"{HEADING}\nAll files up to 9 are fine."))
    assert fitted.history[:4] == [rules, *pair, TASK]
    (cut,) = fitting.cuts
    assert (cut.has_summary, cut.summary_error, cut.usage) == (True, None, USED)
    assert (cut.tokens_after, cut.tokens_before) == (exact(fitted), exact(request))
    (asked,) = fitting.model.requests
    shown = asked.history[0]
    assert isinstance(shown, User)
    assert shown.text.startswith(f"User: {TASK.text}\n\nAssistant calls read: {{}}\n\nResult of")
    assert shown.text.count("Assistant calls") * 2 == cut.dropped_messages
    assert (asked.instructions, asked.settings.max_tokens) == (INSTRUCTIONS, 100)


async def test_the_next_summary_includes_the_previous_one() -> None:
    """So the beginning is never lost completely."""
    fitting = Fitting.of(*(f"summary {number}" for number in range(50)), settings=SUMMARIZE)
    history = History([TASK])
    for number in range(100):
        fitted = await fitting.fit(ModelRequest(history=history))
        assert exact(fitted) <= 1480
        history += [*turn(number, WORDS * 3), AssistantMessage("ok"), User("go")]

    asked = [request.history[0] for request in fitting.model.requests]
    assert len(asked) == len(fitting.cuts) > 3
    for number, message in enumerate(asked[1:]):
        assert isinstance(message, User)
        assert f"Assistant: {HEADING}\nsummary {number}\n" in message.text
    assert [message for message in fitted.history if message == User(QUESTION)] == [
        fitted.history[0]
    ]


async def test_a_failed_summary_is_reported_and_the_run_continues(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The turns are dropped without a summary."""
    caplog.set_level(logging.INFO, logger="agentkit.agent")
    fitting = Fitting.of(TransportError("The provider is gone."), settings=SUMMARIZE)
    request = asking(*chatting(100, text=WORDS), TASK)

    fitted = await fitting.fit(request)

    (cut,) = fitting.cuts
    assert (cut.has_summary, cut.summary_error) == (False, "TransportError: The provider is gone.")
    assert exact(fitted) <= 1480
    assert [message in request.history for message in fitted.history] == [True] * len(
        fitted.history
    )
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize(
    ("words", "has_summary"),
    [pytest.param(400, True, id="too long"), pytest.param(20_000, True, id="far too long")],
)
async def test_a_summary_longer_than_requested_is_shortened(words: int, has_summary: bool) -> None:
    """Some providers exceed a limit."""
    fitting = Fitting.of("word " * words, settings=SUMMARIZE)

    fitted = await fitting.fit(asking(*chatting(100, text=WORDS), TASK))

    assert fitting.cuts[0].has_summary is has_summary
    assert exact(fitted) <= 1480
    assert "is left out ...]" in fitted.history[1].text


async def test_a_summary_of_rare_characters_that_cannot_fit_is_dropped() -> None:
    """Even 200 of them are too many tokens."""
    tight = replace(SUMMARIZE, summary_tokens=1, fill=1)
    fitting = Fitting.of("\U0001f9ff" * 200, settings=tight)

    fitted = await fitting.fit(asking(*(User(f"{number}") for number in range(1000))))

    (cut,) = fitting.cuts
    assert (cut.has_summary, cut.summary_error) == (False, "the summary is too long")
    assert exact(fitted) <= 1480


async def test_no_summary_is_requested_if_it_cannot_fit() -> None:
    """The kept messages fill the window."""
    fitting = Fitting.of(settings=replace(SUMMARIZE, fill=1))
    long = User("word " * 1380)

    fitted = await fitting.fit(asking(*chatting(20, text=WORDS), long))

    (cut,) = fitting.cuts
    assert cut.summary_error == "there is no room for a summary"
    assert fitted.history[-1] is long


async def test_shortened_results_alone_need_no_summary() -> None:
    """No turn was dropped."""
    fitting = Fitting.of(settings=SUMMARIZE)

    await fitting.fit(asking(TASK, *working(2, result=WORDS * 80), *turn(9, "x")))

    (cut,) = fitting.cuts
    assert (cut.dropped_messages, cut.shortened_results, cut.has_summary) == (0, 2, False)


async def test_a_task_may_use_the_window_while_another_waits_for_a_summary() -> None:
    """No shared state is half changed."""
    asked, go_on = anyio.Event(), anyio.Event()
    fitting = Fitting.of(settings=ContextSettings(summarize=True))
    request = asking(*chatting(60, text=WORDS), TASK)

    class Slow(ScriptedModel):
        async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
            asked.set()
            await go_on.wait()
            return await super().chat(request, emit=emit)

    sent: list[ModelRequest] = []

    async def slow() -> None:
        sent.append(
            await fitting.window.fit(
                request, ask=partial(Slow("sum").chat, emit=ignore), emit=ignore
            )
        )

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(slow)
            await asked.wait()
            fitting.model = ScriptedModel("fast")
            fast = await fitting.fit(request)
            go_on.set()

    assert fast.history[1].text == f"{HEADING}\nfast"
    assert sent[0].history[1].text == f"{HEADING}\nsum"
