"""The requests of an agent stay within its model's window, turn after turn."""

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from agentkit import Agent, tool
from agentkit.chat import ModelRequest, ModelSettings, ToolSpec
from agentkit.config.profile import ModelProfile
from agentkit.context.window import ContextSettings
from agentkit.errors import UnsupportedError
from agentkit.event import ContextTrimmed, EventRecord
from agentkit.history import History
from agentkit.message import AssistantMessage, Message, ToolCall, ToolResult
from agentkit.message import UserMessage as User
from agentkit.model import tokens
from agentkit.model.tokens import build_counter
from agentkit.testing.scripted import ScriptedModel
from tests.unit.context.fitting import TASK, WORDS, Fitting, exact
from tests.unit.context.long_conversation import asking, turn, working


async def test_without_a_known_window_nothing_is_trimmed() -> None:
    """Whatever its length."""
    request = asking(TASK, *working(500, result=WORDS * 10))

    assert await Fitting.of(window_tokens=None).fit(request) is request


async def test_the_window_in_the_settings_overrides_the_profiles() -> None:
    """It is the only one for an unknown model."""
    fitting = Fitting.of(window_tokens=None, settings=ContextSettings(window_tokens=1000))

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


async def test_a_request_that_just_fits_is_unchanged() -> None:
    """It is long enough to be counted."""
    fitting = Fitting.of()
    request = asking(TASK, *working(18, result=WORDS * 3))
    assert 1300 < exact(request) < 1480

    fitted = await fitting.fit(request)

    assert fitted.history is request.history
    assert fitting.cuts == []


async def test_trimming_is_reported_with_token_counts() -> None:
    """The given history is unchanged."""
    fitting = Fitting.of()
    request = asking(TASK, *working(60, result=WORDS * 3), instructions="Be kind.")

    fitted = await fitting.fit(request)

    assert fitting.cuts == [
        ContextTrimmed(
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


async def test_a_trimmed_conversation_stays_trimmed_until_it_is_too_long_again() -> None:
    """In between, each request begins with the messages of the previous one."""
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
        history = history + turn(number, WORDS * 3)

    grown = exact(ModelRequest(history=history))
    assert 10 < cuts <= grown // 500
    assert len(history) == 241


@pytest.mark.untraced
async def test_the_work_of_a_long_run_is_linear_in_its_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Four times the turns need four times the texts to tokenize and requests to count."""
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
            history = history + turn(number, f"{number} {WORDS}" * 3)
        return len(counted), sum(seen)

    few, many = await work(100), await work(400)

    assert many[0] <= 5 * few[0]
    assert many[1] <= 5 * few[1]


async def test_conversations_are_independent() -> None:
    """An agent may have many conversations, and one may be continued twice."""
    fitting = Fitting.of()
    first = History([TASK, *working(40, result=WORDS * 3)])
    second = History([User("Other."), *working(40, result=WORDS * 2)])
    forked = first + [User("Left?")]
    other = first + [User("Right?")]

    sent = [
        await fitting.fit(ModelRequest(history=history))
        for history in (first, second, forked, other, second + [User("More?")])
    ]

    firsts = [fitted.history[0] for fitted in sent]
    assert [firsts.index(first) for first in firsts] == [0, 1, 0, 0, 1]
    assert all(exact(fitted) <= 1500 for fitted in sent)
    assert sent[2].history[:-1] == sent[0].history[:]
    assert sent[4].history[:-1] == sent[1].history[:]


async def test_only_the_newest_conversations_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dropped one is trimmed again, with the same result."""
    monkeypatch.setattr("agentkit.context.window._KEPT_CONVERSATIONS", 2)
    fitting = Fitting.of()
    talks = [History([User(f"{number}"), *working(60, result=WORDS * 3)]) for number in "abc"]
    for talk in talks:
        await fitting.fit(ModelRequest(history=talk))

    for talk in reversed(talks):
        fitted = await fitting.fit(ModelRequest(history=talk + [User("More?")]))
        assert exact(fitted) <= 1500

    assert len(fitting.cuts) == 4
    assert fitting.window._kept.size == 2


async def test_an_empty_conversation_fits() -> None:
    """Some providers answer instructions alone."""
    request = ModelRequest(history=History(), instructions="Say something.")

    assert await Fitting.of().fit(request) == request


@pytest.mark.parametrize(
    ("settings", "asked", "room"),
    [
        pytest.param(ContextSettings(), None, 1480, id="a quarter of the window"),
        pytest.param(ContextSettings(answer_tokens=1000), None, 980, id="from the settings"),
        pytest.param(ContextSettings(answer_tokens=1000), 200, 1780, id="what is asked for"),
    ],
)
async def test_tokens_are_reserved_for_the_answer(
    settings: ContextSettings, asked: int | None, room: int
) -> None:
    """And a few for what the provider adds; the prompt may use all others."""
    tight = replace(settings, fill=1)
    fitting = Fitting.of(settings=tight)
    request = asking(
        *(User(f"{number}") for number in range(1000)), settings=ModelSettings(max_tokens=asked)
    )

    fitted = await fitting.fit(request)

    assert room - 10 <= exact(fitted) <= room


async def test_more_tokens_are_reserved_if_tokens_are_estimated() -> None:
    """An estimate can be too low."""
    fitting = Fitting.of(family="other", rules="plain", window_tokens=4000)
    request = asking(*(User(f"{number} {WORDS}") for number in range(1000)))

    fitted = await fitting.fit(request)

    assert build_counter("plain").count(fitted) <= 4000 - 1000 - 250


async def test_without_the_extra_tokens_the_request_still_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the exact count too."""
    request = asking(TASK, *working(60, result=WORDS * 3))
    tokens._tokenizer.cache_clear()
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "sentencepiece", None)
        fitted = await Fitting.of().fit(request)
    tokens._tokenizer.cache_clear()

    assert 400 < exact(fitted) <= 1375


async def test_a_request_that_cannot_fit_is_an_error_each_time() -> None:
    """The run ends before anything is sent."""
    fitting = Fitting.of(settings=ContextSettings(summarize=True))
    request = asking(User(WORDS * 500))

    for _ in range(2):
        with pytest.raises(UnsupportedError, match=r"window of 2,000 tokens leaves 1,480"):
            await fitting.fit(request)
    assert fitting.events == []


@pytest.mark.parametrize("name", ["window_tokens", "answer_tokens", "summary_tokens"])
def test_invalid_settings_are_rejected(name: str) -> None:
    """When they are built."""
    options: dict[str, Any] = {name: 0}
    with pytest.raises(ValueError, match=name):
        ContextSettings(**options)


async def test_the_event_is_a_line_of_json() -> None:
    """Like every event."""
    fitting = Fitting.of()
    await fitting.fit(asking(TASK, *working(60, result=WORDS * 3)))

    record = EventRecord(run_id="r", event=fitting.cuts[0], at=datetime.now(tz=UTC))
    line = json.loads(record.to_json())["event"]

    assert (line["type"], line["window_tokens"]) == ("context_trimmed", 2000)


async def test_long_arguments_count_too() -> None:
    """They are dropped with their turn."""
    messages: list[Message] = [TASK]
    for at in range(10):
        text = json.dumps({"text": WORDS * 20})
        call = ToolCall(id=f"w{at}", name="write", arguments=text)
        messages += [AssistantMessage(tool_calls=[call]), ToolResult(call.id, "done")]

    fitted = await Fitting.of().fit(asking(*messages))

    assert exact(fitted) <= 1480
    assert 1 < len(fitted.history) < 21


async def test_a_run_sends_a_trimmed_history_and_keeps_the_complete_one() -> None:
    """From the first request of the agent to its result."""

    @tool(read_only=True)
    def read(number: int) -> str:
        """Read a part."""
        return f"{number} {WORDS * 10}"

    calls = [
        ToolCall(id=f"r{at}", name="read", arguments=f'{{"number": {at}}}') for at in range(30)
    ]
    model = ScriptedModel(
        *(AssistantMessage(tool_calls=[call]) for call in calls),
        "Read.",
        profile=ModelProfile(
            family="mixtral-8x22b", id="m", rules="mistral", context_window_tokens=2000
        ),
    )

    result = await Agent(model, tools=[read]).run("Read all parts.")

    assert (result.output, len(result.history)) == ("Read.", 62)
    assert all(exact(request) <= 1480 for request in model.requests)
    assert all(request.history[0] is result.history[0] for request in model.requests)
