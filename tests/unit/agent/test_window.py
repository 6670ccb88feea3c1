"""Requests of an agent, turn after turn, within the window of its model."""

import json
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import anyio
import pytest

from agentkit.agent.context import FitStrategy
from agentkit.agent.summary import HEADING, INSTRUCTIONS, QUESTION
from agentkit.agent.window import Window, WindowSettings
from agentkit.chat import ModelRequest, ModelResponse, ModelSettings, ToolSpec
from agentkit.config.profile import ModelProfile
from agentkit.errors import TransportError, UnsupportedError
from agentkit.event import ContextFitted, Emit, RunEvent, event_to_json, ignore
from agentkit.history import History
from agentkit.message import AssistantMessage, Message, SystemMessage, ToolCall
from agentkit.message import UserMessage as User
from agentkit.model import tokens
from agentkit.model.tokens import build_counter
from agentkit.testing.scripted import ScriptedAnswer, ScriptedModel
from agentkit.usage import Usage
from tests.unit.agent.long_talk import asking, chatting, turn, working

WORDS = "one line of a file that a tool has read "
TASK = User.of("Read all of them.")
USED = Usage(input_tokens=900, output_tokens=80, cost_usd=Decimal("0.01"))


def profile(window_tokens: int | None = 2000, **others: Any) -> ModelProfile:
    """Return a model with a window."""
    given = {"family": "mixtral-8x22b", "rules": "mistral", **others}
    return ModelProfile(id="m", context_window_tokens=window_tokens, **given)


@dataclass(kw_only=True)
class Fitting:
    """A window in use."""

    window: Window
    model: ScriptedModel = field(default_factory=ScriptedModel)
    events: list[RunEvent] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        *answers: ScriptedAnswer,
        settings: WindowSettings | None = None,
        **profiled: Any,
    ) -> "Fitting":
        """Build one, with a model that answers when asked for a summary."""
        window = Window(profile(**profiled), settings or WindowSettings())
        return cls(window=window, model=ScriptedModel(*answers))

    async def fit(self, request: ModelRequest) -> ModelRequest:
        """Fit one request and keep the events."""

        async def keep(event: RunEvent) -> None:
            self.events.append(event)

        return await self.window.fit(request, connection=self.model, emit=keep)

    @property
    def cuts(self) -> list[ContextFitted]:
        """Return the events of cuts, which are all there are."""
        cuts = [event for event in self.events if isinstance(event, ContextFitted)]
        assert len(cuts) == len(self.events)
        return cuts


def exact(request: ModelRequest) -> int:
    """Return the tokens of a request, counted anew."""
    return build_counter("mistral").count(request)


async def test_without_a_known_window_nothing_is_fitted() -> None:
    """Whatever its length."""
    request = asking(TASK, *working(500, result=WORDS * 10))

    assert await Fitting.of(window_tokens=None).fit(request) is request


async def test_a_window_in_the_settings_stands_above_the_models_own() -> None:
    """It is the only one of a model that nobody knows."""
    fitting = Fitting.of(window_tokens=None, settings=WindowSettings(window_tokens=1000))

    fitted = await fitting.fit(asking(TASK, *working(50, result=WORDS)))

    assert exact(fitted) <= 750
    assert [cut.window_tokens for cut in fitting.cuts] == [1000]


async def test_a_short_conversation_is_not_even_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """No counter is built for it."""
    monkeypatch.setattr(tokens, "build_counter", None)
    fitting = Fitting.of(window_tokens=8000)
    tool = ToolSpec(name="read", description="Reads.", input_schema={"type": "object"})
    request = asking(TASK, *working(5, result=WORDS), instructions="Be kind.", tools=(tool,))

    fitted = await fitting.fit(request)

    assert fitted == request
    assert fitted.history is request.history


async def test_a_request_that_just_fits_is_sent_as_it_is() -> None:
    """It is too long to be sure without a count."""
    fitting = Fitting.of()
    request = asking(TASK, *working(18, result=WORDS * 3))
    assert 1300 < exact(request) < 1480

    fitted = await fitting.fit(request)

    assert fitted.history is request.history
    assert fitting.cuts == []


async def test_a_cut_is_told_with_its_numbers() -> None:
    """The history itself is the caller's, and whole."""
    fitting = Fitting.of()
    request = asking(TASK, *working(60, result=WORDS * 3), instructions="Be kind.")

    fitted = await fitting.fit(request)

    assert fitting.cuts == [
        ContextFitted(
            dropped_messages=len(request.history) - len(fitted.history),
            shortened_results=0,
            tokens_before=exact(request),
            tokens_after=exact(fitted),
            window_tokens=2000,
        )
    ]
    assert len(request.history) == 121
    assert exact(fitted) <= 1500 * 0.7
    assert replace(fitted, history=request.history) == request


async def test_what_was_cut_stays_cut_until_there_is_no_room_again() -> None:
    """Between two cuts each request begins with the very messages of the one before it."""
    fitting = Fitting.of(window_tokens=2000)
    history = History([TASK])
    before: tuple[Message, ...] = ()
    cuts = 0
    for number in range(120):
        fitted = await fitting.fit(ModelRequest(history=history))
        sent = fitted.history.messages

        assert exact(fitted) <= 1480
        if len(fitting.cuts) == cuts:
            assert all(old is new for old, new in zip(before, sent, strict=False))
            assert len(sent) >= len(before)
        cuts, before = len(fitting.cuts), sent
        history = history.add(*turn(number, WORDS * 3))

    grown = exact(ModelRequest(history=history))
    assert 10 < cuts <= grown // 500
    assert len(history) == 241


async def test_the_work_of_a_long_run_grows_with_its_length_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Four times the turns are four times the texts to tokenize and the requests to count."""
    counted: list[int] = []
    seen: list[int] = []
    build = build_counter

    def spy(rules: str, *, family: str) -> Any:
        counter: Any = build(rules, family=family)
        count, count_text = counter.count, counter._kept._count_text

        def watch(request: ModelRequest) -> int:
            counted.append(1)
            return int(count(request))

        def watch_text(text: str) -> int:
            seen.append(len(text))
            return int(count_text(text))

        counter.count, counter._kept._count_text = watch, watch_text
        return counter

    monkeypatch.setattr(tokens, "build_counter", spy)

    async def work(turns: int) -> tuple[int, int]:
        counted.clear()
        seen.clear()
        fitting = Fitting.of(window_tokens=4000)
        history = History([TASK])
        for number in range(turns):
            await fitting.fit(ModelRequest(history=history))
            history = history.add(*turn(number, f"{number} {WORDS}" * 3))
        return len(counted), sum(seen)

    few, many = await work(100), await work(400)

    assert many[0] <= 5 * few[0]
    assert many[1] <= 5 * few[1]


async def test_conversations_do_not_disturb_each_other() -> None:
    """One agent may talk with many, and one talk may be gone on with twice."""
    fitting = Fitting.of()
    first = History([TASK, *working(40, result=WORDS * 3)])
    second = History([User.of("Other."), *working(40, result=WORDS * 2)])
    forked = first.add(User.of("Left?"))
    other = first.add(User.of("Right?"))

    sent = [
        await fitting.fit(ModelRequest(history=history))
        for history in (first, second, forked, other, second.add(User.of("More?")))
    ]

    firsts = [fitted.history[0] for fitted in sent]
    assert [firsts.index(first) for first in firsts] == [0, 1, 0, 0, 1]
    assert all(exact(fitted) <= 1500 for fitted in sent)
    assert sent[2].history[:-1] == sent[0].history[:]
    assert sent[4].history[:-1] == sent[1].history[:]


async def test_a_task_may_use_the_window_while_another_waits_for_a_summary() -> None:
    """Nothing is shared that could be half done."""
    asked, go_on = anyio.Event(), anyio.Event()
    fitting = Fitting.of(settings=WindowSettings(summarize=True))
    request = asking(*chatting(60, text=WORDS), TASK)

    class Slow(ScriptedModel):
        async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
            asked.set()
            await go_on.wait()
            return await super().chat(request, emit=emit)

    sent: list[ModelRequest] = []

    async def slow() -> None:
        sent.append(await fitting.window.fit(request, connection=Slow("sum"), emit=ignore))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(slow)
            await asked.wait()
            fitting.model = ScriptedModel("fast")
            fast = await fitting.fit(request)
            go_on.set()

    assert fast.history[1].text == f"{HEADING}\nfast"
    assert sent[0].history[1].text == f"{HEADING}\nsum"


async def test_only_the_newest_conversations_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A forgotten one is fitted anew, rightly."""
    monkeypatch.setattr("agentkit.agent.window._KEPT_CONVERSATIONS", 2)
    fitting = Fitting.of()
    talks = [History([User.of(f"{number}"), *working(60, result=WORDS * 3)]) for number in "abc"]
    for talk in talks:
        await fitting.fit(ModelRequest(history=talk))

    for talk in reversed(talks):
        fitted = await fitting.fit(ModelRequest(history=talk.add(User.of("More?"))))
        assert exact(fitted) <= 1500

    assert len(fitting.cuts) == 4
    assert len(fitting.window._kept) == 2


async def test_an_empty_conversation_fits() -> None:
    """Some hosts answer to instructions alone."""
    request = ModelRequest(history=History(), instructions="Say something.")

    assert await Fitting.of().fit(request) == request


@pytest.mark.parametrize(
    ("settings", "asked", "room"),
    [
        pytest.param(WindowSettings(), None, 1480, id="a quarter of the window"),
        pytest.param(WindowSettings(answer_tokens=1000), None, 980, id="from the settings"),
        pytest.param(WindowSettings(answer_tokens=1000), 200, 1780, id="what is asked for"),
    ],
)
async def test_room_is_kept_for_the_answer(
    settings: WindowSettings, asked: int | None, room: int
) -> None:
    """And a little for what a host adds; all the rest may be used."""
    tight = replace(settings, strategy=FitStrategy(fill=1))
    fitting = Fitting.of(settings=tight)
    request = asking(
        *(User.of(f"{number}") for number in range(1000)), settings=ModelSettings(max_tokens=asked)
    )

    fitted = await fitting.fit(request)

    assert room - 10 <= exact(fitted) <= room


async def test_more_is_spared_where_tokens_are_estimated() -> None:
    """An estimate can be too low."""
    fitting = Fitting.of(family="other", rules="plain", window_tokens=4000)
    request = asking(*(User.of(f"{number} {WORDS}") for number in range(1000)))

    fitted = await fitting.fit(request)

    assert build_counter("plain").count(fitted) <= 4000 - 1000 - 250


async def test_without_the_extra_it_is_estimated_and_still_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the exact count, too."""
    request = asking(TASK, *working(60, result=WORDS * 3))
    tokens._tokenizer.cache_clear()
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "sentencepiece", None)
        fitted = await Fitting.of().fit(request)
    tokens._tokenizer.cache_clear()

    assert 400 < exact(fitted) <= 1375


async def test_what_cannot_fit_is_an_error_each_time() -> None:
    """The run ends before anything is sent."""
    fitting = Fitting.of(settings=WindowSettings(summarize=True))
    request = asking(User.of(WORDS * 500))

    for _ in range(2):
        with pytest.raises(UnsupportedError, match=r"window of 2,000 tokens leaves 1,480"):
            await fitting.fit(request)
    assert fitting.events == []


SUMMARIZE = WindowSettings(summarize=True, summary_tokens=100)


def answered(text: str) -> ModelResponse:
    """Return a summary that used something."""
    return ModelResponse(message=AssistantMessage.of(text), finish_reason="stop", usage=USED)


async def test_what_is_dropped_is_summed_up_in_its_place() -> None:
    """The task, which stays, is shown to the model as well."""
    fitting = Fitting.of(answered("All files up to 9 are fine."), settings=SUMMARIZE)
    rules = SystemMessage(text="Be exact.")
    request = asking(rules, TASK, *working(30, result=WORDS * 3))

    fitted = await fitting.fit(request)

    pair = (User.of(QUESTION), AssistantMessage.of(f"{HEADING}\nAll files up to 9 are fine."))
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


async def test_an_earlier_summary_goes_into_the_next_one() -> None:
    """So the beginning is never forgotten altogether."""
    fitting = Fitting.of(*(f"summary {number}" for number in range(50)), settings=SUMMARIZE)
    history = History([TASK])
    for number in range(100):
        fitted = await fitting.fit(ModelRequest(history=history))
        assert exact(fitted) <= 1480
        history = history.add(*turn(number, WORDS * 3), AssistantMessage.of("ok"), User.of("go"))

    asked = [request.history[0] for request in fitting.model.requests]
    assert len(asked) == len(fitting.cuts) > 3
    for number, message in enumerate(asked[1:]):
        assert isinstance(message, User)
        assert f"Assistant: {HEADING}\nsummary {number}\n" in message.text
    assert [message for message in fitted.history if message == User.of(QUESTION)] == [
        fitted.history[0]
    ]


async def test_a_failed_summary_is_told_and_the_run_goes_on_without(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The turns are dropped all the same."""
    caplog.set_level(logging.INFO, logger="agentkit.agent")
    fitting = Fitting.of(TransportError("The host is gone."), settings=SUMMARIZE)
    request = asking(*chatting(100, text=WORDS), TASK)

    fitted = await fitting.fit(request)

    (cut,) = fitting.cuts
    assert (cut.has_summary, cut.summary_error) == (False, "TransportError: The host is gone.")
    assert exact(fitted) <= 1480
    assert [message in request.history for message in fitted.history] == [True] * len(
        fitted.history
    )
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize(
    ("words", "has_summary"),
    [pytest.param(400, True, id="too long"), pytest.param(20_000, True, id="far too long")],
)
async def test_a_summary_longer_than_asked_is_shortened(words: int, has_summary: bool) -> None:
    """Some hosts do not keep to a limit."""
    fitting = Fitting.of("word " * words, settings=SUMMARIZE)

    fitted = await fitting.fit(asking(*chatting(100, text=WORDS), TASK))

    assert fitting.cuts[0].has_summary is has_summary
    assert exact(fitted) <= 1480
    assert "is left out ...]" in fitted.history[1].text


async def test_a_summary_of_the_oddest_letters_that_cannot_fit_is_left_out() -> None:
    """Even 200 of them are more than there is room for."""
    tight = replace(SUMMARIZE, summary_tokens=1, strategy=FitStrategy(fill=1))
    fitting = Fitting.of("\U0001f9ff" * 200, settings=tight)

    fitted = await fitting.fit(asking(*(User.of(f"{number}") for number in range(1000))))

    (cut,) = fitting.cuts
    assert (cut.has_summary, cut.summary_error) == (False, "the summary is too long")
    assert exact(fitted) <= 1480


async def test_where_there_is_no_room_for_a_summary_none_is_asked_for() -> None:
    """What must stay fills the window."""
    fitting = Fitting.of(settings=replace(SUMMARIZE, strategy=FitStrategy(fill=1)))
    long = User.of("word " * 1380)

    fitted = await fitting.fit(asking(*chatting(20, text=WORDS), long))

    (cut,) = fitting.cuts
    assert cut.summary_error == "there is no room for a summary"
    assert fitted.history[-1] is long


async def test_shortened_results_alone_need_no_summary() -> None:
    """Nothing was dropped."""
    fitting = Fitting.of(settings=SUMMARIZE)

    await fitting.fit(asking(TASK, *working(2, result=WORDS * 80), *turn(9, "x")))

    (cut,) = fitting.cuts
    assert (cut.dropped_messages, cut.shortened_results, cut.has_summary) == (0, 2, False)


@pytest.mark.parametrize("name", ["window_tokens", "answer_tokens", "summary_tokens"])
def test_settings_that_make_no_sense_are_refused(name: str) -> None:
    """Where they are written."""
    options: dict[str, Any] = {name: 0}
    with pytest.raises(ValueError, match=name):
        WindowSettings(**options)


async def test_the_event_is_a_line_of_json() -> None:
    """As every event is."""
    fitting = Fitting.of()
    await fitting.fit(asking(TASK, *working(60, result=WORDS * 3)))

    line = json.loads(event_to_json(fitting.cuts[0]))

    assert (line["type"], line["window_tokens"]) == ("context_fitted", 2000)


async def test_long_arguments_count_too() -> None:
    """They go with their turn."""
    call: Callable[[int], ToolCall] = lambda at: ToolCall(  # noqa: E731 - one line of data
        id=f"w{at}", name="write", arguments=json.dumps({"text": WORDS * 20})
    )
    messages = [each for at in range(10) for each in turn(at, "done")]
    for at in range(10):
        messages[at * 2] = AssistantMessage.of("", replace(call(at), id=f"call{at}x0"))

    fitted = await Fitting.of().fit(asking(TASK, *messages))

    assert exact(fitted) <= 1480
    assert 1 < len(fitted.history) < 21
