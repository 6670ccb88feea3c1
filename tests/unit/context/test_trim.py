"""Which parts of a long conversation are removed, in which order, and which are kept."""

from typing import Any

import pytest

from agentkit.chat import ModelRequest, ToolSpec
from agentkit.context.trim import FitStrategy, Fitted, fit, shorten_text
from agentkit.errors import UnsupportedError
from agentkit.message import AssistantMessage, SystemMessage, ToolCall, ToolResult
from agentkit.message import UserMessage as User
from tests.unit.context.long_conversation import LetterCounter, asking, chatting, turn, working

LONG = "x" * 1000
TASK = User("do it")
EXACT = FitStrategy(fill=1)
ONLY_DROP = FitStrategy(fill=1, shorten_results=False)
ONLY_SHORTEN = FitStrategy(fill=1, drop_turns=False)


def fit_letters(
    request: ModelRequest, room: int, strategy: FitStrategy = EXACT, *, answer: int = 50
) -> Fitted:
    """Trim by letters; the window is a little larger than the limit of the prompt."""
    return fit(
        request,
        counter=LetterCounter(),
        window_tokens=room + answer,
        answer_tokens=answer,
        strategy=strategy,
    )


def texts(fitted: Fitted) -> list[str]:
    """Return the text of each message of the request."""
    return [message.text for message in fitted.request.history]


def test_a_request_that_fits_is_unchanged() -> None:
    """Even if it fits exactly."""
    request = asking(TASK, *working(2, result=LONG))

    fitted = fit_letters(request, 2009)

    assert fitted == Fitted(request=request, tokens=2009, tokens_before=2009)
    assert fitted.request is request
    assert not fitted.is_cut


def test_the_oldest_results_are_shortened_first_and_no_more_than_needed() -> None:
    """Two of three old ones are shortened; the newest is unchanged."""
    messages = [TASK, *working(4, result=LONG)]

    fitted = fit_letters(asking(*messages), 3300)

    history = fitted.request.history
    assert [len(text) for text in texts(fitted)] == [5, 0, 600, 0, 600, 0, 1000, 0, 1000]
    assert (fitted.tokens, fitted.tokens_before) == (3213, 4013)
    assert (fitted.shortened_results, fitted.dropped_messages) == (2, 0)
    assert all(history[at] is messages[at] for at in (0, 1, 3, 5, 6, 7, 8))


def test_a_shortened_result_keeps_its_beginning_its_end_and_its_kind() -> None:
    """Its structured content is removed."""
    call = ToolCall(id="a", name="read")
    result = ToolResult(
        call_id="a", structured_content={"rows": [LONG], "last": "end"}, is_error=True
    )
    request = asking(TASK, AssistantMessage(tool_calls=[call]), result, *turn(1, "ok"))

    history = fit_letters(request, 1000).request.history

    shortened = history[2]
    assert isinstance(shortened, ToolResult)
    assert shortened.text.startswith('{"rows":["xxx')
    assert shortened.text.endswith('xx"],"last":"end"}')
    assert (len(shortened.text), shortened.structured_content) == (600, None)
    assert (shortened.call_id, shortened.is_error) == ("a", True)


def test_turns_are_dropped_when_shortening_is_not_enough() -> None:
    """The task is kept as long as one of its turns is."""
    messages = [TASK, *working(4, result=LONG)]

    fitted = fit_letters(asking(*messages), 2300)

    assert [len(text) for text in texts(fitted)] == [5, 0, 600, 0, 600, 0, 1000]
    assert fitted.dropped == tuple(messages[1:3])
    assert fitted.shortened_results == 2


def test_a_user_message_is_dropped_with_its_last_turn() -> None:
    """First the turns of the oldest question one by one, then the question."""
    first = [User("q" * 100), *working(3, result="r" * 100)]
    second = [User("p" * 100), *working(1, result="s" * 100, start=3)]
    last = User("z" * 100)
    request = asking(*first, *second, last)

    kept = {
        room: texts(fit_letters(request, room, ONLY_DROP)) for room in (700, 599, 400, 302, 301)
    }

    assert {room: "".join(text[:1] or "-" for text in sent) for room, sent in kept.items()} == {
        700: "q-r-rp-sz",
        599: "q-rp-sz",
        400: "p-sz",
        302: "p-sz",
        301: "z",
    }


def test_consecutive_user_messages_are_dropped_one_by_one() -> None:
    """Only the last one is always kept."""
    request = asking(*(User(f"{number}" * 10) for number in range(5)))

    assert texts(fit_letters(request, 25)) == ["3" * 10, "4" * 10]


def test_instructions_and_system_messages_are_kept() -> None:
    """Wherever a system message is in the conversation."""
    request = asking(
        SystemMessage("first"),
        *chatting(5, text="a long talk"),
        SystemMessage("later"),
        TASK,
        instructions="Be kind.",
    )

    fitted = fit_letters(request, 30)

    assert texts(fitted) == ["first", "later", "do it"]
    assert fitted.request.instructions == "Be kind."


def test_a_conversation_without_a_user_keeps_its_last_turn() -> None:
    """A program may have added messages of the model first."""
    fitted = fit_letters(asking(*working(3, result="r" * 100)), 150)

    assert texts(fitted) == ["", "r" * 100]


def test_messages_before_the_first_question_are_dropped_first() -> None:
    """They are the oldest."""
    fitted = fit_letters(asking(*working(2, result="r" * 100), TASK, *turn(2, "new")), 120)

    assert texts(fitted) == ["", "r" * 100, "do it", "", "new"]


def test_a_long_newest_result_is_shortened_and_short_ones_are_kept() -> None:
    """It is halved only as often as necessary."""
    request = asking(TASK, *turn(0, "old"), *turn(1, "n" * 10_000))

    fitted = fit_letters(request, 4000, FitStrategy(fill=0.7))

    assert [len(text) for text in texts(fitted)] == [5, 0, 3, 0, 2500]
    assert fitted.shortened_results == 1


def test_many_newest_results_can_be_shortened_to_their_notes() -> None:
    """A hundred calls at once still fit."""
    request = asking(TASK, *turn(0, *["n" * 1000 for _ in range(20)]))

    fitted = fit_letters(request, 2200)

    assert {len(text) for text in texts(fitted)[2:]} == {100}
    assert fitted.shortened_results == 20


def test_more_is_removed_than_necessary_for_the_next_turns() -> None:
    """A share of the removable tokens stays free."""
    request = asking(TASK, *working(100, result="r" * 100))

    fitted = fit_letters(request, 5000, FitStrategy(fill=0.5))

    assert 2450 < fitted.tokens <= 105 + (5000 - 105) // 2


@pytest.mark.parametrize(
    ("strategy", "sent"),
    [
        pytest.param(ONLY_DROP, [5, 0, 1000, 0, 1000], id="only drop"),
        pytest.param(ONLY_SHORTEN, [5, 0, 600, 0, 600, 0, 1000], id="only shorten"),
    ],
)
def test_a_strategy_may_allow_a_single_step(strategy: FitStrategy, sent: list[int]) -> None:
    """The other step is not taken, even if it would help."""
    request = asking(TASK, *working(3, result=LONG))

    assert [len(text) for text in texts(fit_letters(request, 2300, strategy))] == sent


TOOLS = (ToolSpec(name="read", description="d" * 300, input_schema={}),)


@pytest.mark.parametrize(
    ("strategy", "advice"),
    [
        pytest.param(FitStrategy(), [], id="all allowed"),
        pytest.param(ONLY_DROP, ["shorten_results"], id="only drop"),
        pytest.param(
            FitStrategy(drop_turns=False, shorten_results=False),
            ["drop_turns", "shorten_results"],
            id="nothing allowed",
        ),
    ],
)
def test_a_request_that_cannot_fit_is_an_error_with_token_counts(
    strategy: FitStrategy, advice: list[str]
) -> None:
    """So that the caller knows what to shorten."""
    request = asking(User("u" * 500), instructions="i" * 200, tools=TOOLS)

    with pytest.raises(UnsupportedError) as caught:
        fit_letters(request, 900, strategy)

    message = str(caught.value)
    assert "window of 950 tokens leaves 900 for the prompt" in message
    assert "1,000: 200 of instructions, 300 of 1 tools, and 500 of messages" in message
    assert [name for name in ("drop_turns", "shorten_results") if name in message] == advice
    assert "estimates" not in message


def test_the_error_states_if_its_numbers_are_estimates() -> None:
    """The caller may know a larger window."""

    class Estimate(LetterCounter):
        is_exact = False

    with pytest.raises(UnsupportedError, match="as these numbers are estimates"):
        fit(
            asking(User(LONG)),
            counter=Estimate(),
            window_tokens=900,
            answer_tokens=100,
            strategy=EXACT,
        )


def test_a_strategy_that_may_not_shorten_does_not_shorten_the_newest_either() -> None:
    """The error names the option."""
    with pytest.raises(UnsupportedError, match="shorten_results"):
        fit_letters(asking(TASK, *turn(0, LONG)), 900, ONLY_DROP)


def test_a_newest_turn_of_long_calls_is_an_error() -> None:
    """Arguments are never shortened, because the model would imitate that."""
    call = ToolCall(id="a", name="write", arguments=f'{{"text": "{LONG}"}}')
    request = asking(TASK, AssistantMessage(tool_calls=[call]), ToolResult("a", LONG))

    with pytest.raises(UnsupportedError, match="does not fit"):
        fit_letters(request, 900)


def test_an_answer_as_long_as_the_window_is_an_error() -> None:
    """For any request."""
    with pytest.raises(UnsupportedError, match=r"The 2,000 tokens .* max_tokens"):
        fit(
            asking(TASK),
            counter=LetterCounter(),
            window_tokens=2000,
            answer_tokens=2000,
            strategy=EXACT,
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"fill": 0}, "fill", id="no fill"),
        pytest.param({"fill": 1.1}, "fill", id="too much fill"),
        pytest.param({"result_characters": 99}, "100 characters", id="too little left"),
    ],
)
def test_an_invalid_strategy_is_rejected(options: dict[str, Any], message: str) -> None:
    """When it is built."""
    with pytest.raises(ValueError, match=message):
        FitStrategy(**options)


def test_the_cut_is_found_in_few_counts() -> None:
    """Their number is logarithmic in the length of the conversation."""
    counter = LetterCounter()
    request = asking(TASK, *working(1000, result=LONG))

    fit(request, counter=counter, window_tokens=50_000, answer_tokens=500, strategy=FitStrategy())

    assert counter.asked < 20


@pytest.mark.parametrize(
    ("text", "shortened"),
    [
        pytest.param("", "", id="empty"),
        pytest.param("a" * 100, "a" * 100, id="just short enough"),
        pytest.param(
            "a" * 100 + "b",
            "a" * 32 + "\n[... the middle of 101 characters is left out ...]\n" + "a" * 15 + "b",
            id="one too many",
        ),
    ],
)
def test_a_text_keeps_its_beginning_and_its_end(text: str, shortened: str) -> None:
    """More of the beginning, with a note in between."""
    assert shorten_text(text, 100) == shortened
