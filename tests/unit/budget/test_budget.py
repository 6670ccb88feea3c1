"""What a run may still use."""

import math
from dataclasses import replace
from decimal import Decimal

import pytest

from agentkit.budget.budget import NO_LIMITS, Budget
from agentkit.budget.meter import MIN_ANSWER_TOKENS, Forecast, Meter, Spent
from agentkit.event import StopReason
from agentkit.testing.clock import ManualClock
from agentkit.usage import Usage

OPEN = Budget(turns=1, tool_calls=math.inf, seconds=math.inf)
CHEAP = Forecast(
    input_tokens=1_000, input_usd_per_million=Decimal(2), output_usd_per_million=Decimal(6)
)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"turns": 0}, "at least one turn"),
        ({"tool_calls": -1}, "tool_calls=-1"),
        ({"tokens": -5}, "tokens=-5"),
        ({"cost_usd": Decimal("-0.1")}, "cost_usd="),
        ({"seconds": -1.0}, "seconds=-1.0"),
        ({"seconds": float("nan")}, "seconds=nan"),
    ],
)
def test_an_invalid_budget_is_rejected(limits: dict[str, float], reason: str) -> None:
    """The message names the limit and its value."""
    with pytest.raises(ValueError, match=reason):
        Budget(**limits)  # type: ignore[arg-type]  # one wrong limit at a time


def test_a_cost_limit_may_be_a_float_and_becomes_an_exact_decimal() -> None:
    """0.1 is ten cents."""
    assert Budget(cost_usd=0.1).limits().cost_usd == Decimal("0.1")


def test_only_limits_of_tokens_and_cost_need_a_forecast() -> None:
    """Counting takes time that most runs need not spend."""
    clock = ManualClock()
    counted = Meter(Budget(tokens=5), clock=clock)

    assert not Budget().limits().needs_forecast
    assert Budget(tokens=5).limits().needs_forecast
    assert Budget(cost_usd=Decimal(1)).limits().needs_forecast
    assert Meter(Budget(), clock=clock, parent=counted).needs_forecast
    assert not Meter(Budget(), clock=clock).needs_forecast


def test_usage_is_added_at_the_run_and_its_parents() -> None:
    """Including time of an earlier life."""
    clock = ManualClock()
    parent = Meter(OPEN, clock=clock)
    clock.advance(2.0)
    child = Meter(OPEN, clock=clock, parent=parent)
    clock.advance(3.0)
    used = Spent(turns=1, tool_calls=2, tokens=10, cost_usd=Decimal("0.5"), seconds=7.0)

    child.charge(used)

    assert child.spent == Spent(
        turns=1, tool_calls=2, tokens=10, cost_usd=Decimal("0.5"), seconds=10.0
    )
    assert parent.spent == Spent(
        turns=1, tool_calls=2, tokens=10, cost_usd=Decimal("0.5"), seconds=12.0
    )


def test_an_exchange_uses_a_turn_its_tokens_and_its_cost() -> None:
    """An unknown cost counts as 0; a cost limit needs a price."""
    usage = Usage(input_tokens=3, output_tokens=4, cost_usd=Decimal(1))

    assert Spent.of_usage(usage) == Spent(turns=1, tokens=7, cost_usd=Decimal(1))
    assert Spent.of_usage(Usage()) == Spent(turns=1)


@pytest.mark.parametrize(
    ("budget", "used", "reached"),
    [
        pytest.param(OPEN, Spent(tool_calls=10**6, tokens=10**9, seconds=1e9), None, id="open"),
        pytest.param(Budget(tool_calls=2), Spent(tool_calls=2), None, id="calls, all used"),
        pytest.param(Budget(tool_calls=2), Spent(tool_calls=3), "max_tool_calls", id="calls"),
        pytest.param(Budget(tokens=10), Spent(tokens=9), None, id="tokens left"),
        pytest.param(Budget(tokens=10), Spent(tokens=10), "max_tokens", id="tokens"),
        pytest.param(
            Budget(cost_usd=Decimal(1)), Spent(cost_usd=Decimal("0.99")), None, id="money left"
        ),
        pytest.param(
            Budget(cost_usd=Decimal(1)), Spent(cost_usd=Decimal(1)), "max_cost", id="money"
        ),
        pytest.param(Budget(seconds=100), Spent(seconds=89.9), None, id="time left"),
        pytest.param(Budget(seconds=100), Spent(seconds=90), "deadline", id="a tenth is kept"),
        pytest.param(Budget(seconds=1000), Spent(seconds=969.9), None, id="at most 30 s are kept"),
        pytest.param(Budget(seconds=1000), Spent(seconds=970), "deadline", id="30 s are kept"),
        pytest.param(
            Budget(seconds=100, closing_answer=False),
            Spent(seconds=99),
            None,
            id="hard: nothing is kept",
        ),
    ],
)
def test_a_limit_is_reached_if_nothing_more_is_allowed(
    budget: Budget, used: Spent, reached: StopReason | None
) -> None:
    """For the run itself, and for the nested runs of a run at its limit."""
    clock = ManualClock()
    meter = Meter(budget, clock=clock)
    child = Meter(OPEN, clock=clock, parent=meter)

    meter.charge(used)

    assert meter.reached() == reached
    assert child.reached() == reached


def test_a_step_may_take_the_remaining_time_and_the_last_answer_a_little_more() -> None:
    """The lowest limit of the run and its parents counts."""
    clock = ManualClock()
    parent = Meter(Budget(seconds=100), clock=clock)
    child = Meter(Budget(seconds=1000), clock=clock, parent=parent)
    free = Meter(OPEN, clock=clock)
    clock.advance(50)

    assert parent.seconds_left(closing=False) == 40
    assert parent.seconds_left(closing=True) == 50
    assert child.seconds_left(closing=False) == 40
    assert free.seconds_left(closing=False) is None
    assert Meter(Budget(seconds=60), clock=clock, parent=free).seconds_left(closing=False) == 54
    clock.advance(60)
    assert parent.seconds_left(closing=True) == 0


def test_the_remaining_tool_calls_are_those_of_the_lowest_limit() -> None:
    """None is no limit."""
    clock = ManualClock()
    parent = Meter(Budget(tool_calls=3), clock=clock)
    child = Meter(Budget(tool_calls=10), clock=clock, parent=parent)

    child.charge(Spent(tool_calls=1))

    assert child.calls_left() == 2
    assert Meter(OPEN, clock=clock).calls_left() == math.inf
    parent.charge(Spent(tool_calls=5))
    assert child.calls_left() == 0


@pytest.mark.parametrize(
    ("budget", "used", "room"),
    [
        pytest.param(OPEN, Spent(), None, id="any length"),
        pytest.param(Budget(tokens=5_000), Spent(tokens=1_500), 2_500, id="what is left"),
        pytest.param(
            Budget(tokens=1_000 + MIN_ANSWER_TOKENS), Spent(), MIN_ANSWER_TOKENS, id="just enough"
        ),
        pytest.param(
            Budget(tokens=999 + MIN_ANSWER_TOKENS), Spent(), "max_tokens", id="one too few"
        ),
        pytest.param(Budget(cost_usd=Decimal("0.008")), Spent(), 1_000, id="what the money buys"),
        pytest.param(
            Budget(cost_usd=Decimal("0.002")), Spent(), "max_cost", id="the input takes it all"
        ),
        pytest.param(
            Budget(cost_usd=Decimal("0.008")),
            Spent(cost_usd=Decimal("0.0059")),
            "max_cost",
            id="too little is left",
        ),
        pytest.param(
            Budget(cost_usd=Decimal("0.008"), tokens=1_100), Spent(), 100, id="the tighter one"
        ),
    ],
)
def test_an_answer_may_be_as_long_as_the_budget_allows(
    budget: Budget, used: Spent, room: int | str | None
) -> None:
    """Also if the budget is a parent's."""
    clock = ManualClock()
    meter = Meter(budget, clock=clock)
    child = Meter(OPEN, clock=clock, parent=meter)

    meter.charge(used)

    assert meter.answer_limit(CHEAP) == room
    assert child.answer_limit(CHEAP) == room


def test_the_lower_limit_of_a_run_and_its_parent_counts() -> None:
    """Whichever it is."""
    clock = ManualClock()
    parent = Meter(Budget(tokens=1_200), clock=clock)
    child = Meter(Budget(tokens=1_100), clock=clock, parent=parent)

    assert child.answer_limit(CHEAP) == 100
    parent.charge(Spent(tokens=150))
    assert child.answer_limit(CHEAP) == 50


def test_an_unknown_price_allows_no_request_and_a_price_of_zero_any() -> None:
    """A cost limit needs a known price."""
    meter = Meter(Budget(cost_usd=Decimal(1)), clock=ManualClock())
    free = Forecast(
        input_tokens=1, input_usd_per_million=Decimal(0), output_usd_per_million=Decimal(0)
    )

    assert meter.answer_limit(Forecast(input_tokens=1)) == "max_cost"
    assert meter.answer_limit(free) == 2**31


def test_usage_costs_its_price() -> None:
    """Exactly; an unknown price counts as 0."""
    forecast = replace(CHEAP, input_usd_per_million=Decimal(3))

    assert forecast.price(3_000_000, 5_000_000) == 39
    assert forecast.price(1, 0) == Decimal("0.000003")
    assert replace(forecast, input_usd_per_million=None).price(1_000_000, 1_000_000) == 6
    assert replace(forecast, output_usd_per_million=None).price(1_000_000, 1_000_000) == 3


def test_usage_that_is_not_charged_yet_reduces_the_limit() -> None:
    """Of the run and of its parents, in tokens and in cost."""
    parent = Meter(Budget(cost_usd=Decimal("0.008")), clock=ManualClock())
    meter = Meter(Budget(tokens=5_000), clock=ManualClock(), parent=parent)

    assert meter.answer_limit(CHEAP) == 1_000
    assert meter.answer_limit(CHEAP, pending=Spent(tokens=3_500)) == 500
    assert meter.answer_limit(CHEAP, pending=Spent(cost_usd=Decimal("0.003"))) == 500
    assert meter.spent == Spent()


def test_a_reservation_reduces_the_limit_of_concurrent_requests() -> None:
    """Until it is charged or released, including usage that is not charged yet."""
    parent = Meter(Budget(tokens=5_000), clock=ManualClock())
    one, other = (Meter(OPEN, clock=ManualClock(), parent=parent) for _ in range(2))

    one.reserve("a", Spent(tokens=3_000))
    assert (other.answer_limit(CHEAP), other.is_held, one.is_held) == (1_000, True, True)
    one.release("a")
    one.reserve("a", Spent(tokens=2_000), is_over=True)
    assert (other.answer_limit(CHEAP), other.is_held) == (2_000, False)
    one.charge(Spent(tokens=2_000))
    one.release("a")
    assert (other.answer_limit(CHEAP), one.answer_limit(CHEAP)) == (2_000, 2_000)
    one.release("a")


def test_a_waiting_request_is_woken_once_and_not_by_other_waiting_requests() -> None:
    """Otherwise two of them would wake each other endlessly."""
    parent = Meter(Budget(tokens=5_000), clock=ManualClock())
    meter = Meter(OPEN, clock=ManualClock(), parent=parent)
    woken: list[str] = []
    meter.call_when_released(lambda: woken.append("first"))
    parent.call_when_released(lambda: woken.append("second"))

    meter.reserve("a", Spent(tokens=3_000))
    meter.reserve("b", Spent(tokens=1_000), is_over=True)
    meter.release("b")
    meter.release("c")
    assert woken == []
    meter.release("a")
    assert woken == ["first", "second"]
    parent.reserve("a", Spent())
    parent.release("a")
    assert woken == ["first", "second"]


def test_each_part_of_the_usage_is_added() -> None:
    """With numbers that need a carry, so that bit operations would fail."""
    some = Spent(turns=3, tool_calls=3, tokens=3, cost_usd=Decimal(3), seconds=3.0)

    assert Spent() == Spent(turns=0, tool_calls=0, tokens=0, cost_usd=Decimal(0), seconds=0.0)
    assert some + some == Spent(turns=6, tool_calls=6, tokens=6, cost_usd=Decimal(6), seconds=6.0)


def test_no_run_is_unbounded_by_default() -> None:
    """The default limits."""
    limits = Budget().limits()

    assert (limits.turns, limits.tool_calls, limits.seconds) == (40, 200, 3600.0)
    assert (limits.tokens, limits.has_money_limit) == (math.inf, False)


def test_turns_of_nested_runs_count_for_the_outer_run() -> None:
    """As does their usage."""
    clock = ManualClock()
    above = Meter(Budget(turns=2), clock=clock)
    below = Meter(NO_LIMITS, clock=clock, parent=above)
    used = Usage(input_tokens=3, output_tokens=3)

    below.charge(Spent.of_usage(used), used)
    assert (above.reached(), below.reached()) == (None, None)
    below.charge(Spent.of_usage(used), used)

    assert (above.reached(), below.reached()) == ("max_turns", "max_turns")
    assert above.usage == below.usage == used + used


@pytest.mark.parametrize(("cents", "room"), [(31, "max_cost"), (32, 32)])
def test_the_minimum_answer_is_computed_to_the_token(cents: int, room: object) -> None:
    """With a price of one cent per token, and an input of one token."""
    price = Decimal(10_000)
    meter = Meter(Budget(cost_usd=Decimal(cents + 1) / 100), clock=ManualClock())

    forecast = Forecast(input_tokens=1, input_usd_per_million=price, output_usd_per_million=price)

    assert meter.answer_limit(forecast) == room


def test_reserved_turns_reduce_the_remaining_turns() -> None:
    """Concurrent agents cannot begin more of them together than are left."""
    meter = Meter(Budget(turns=5), clock=ManualClock())
    meter.charge(Spent(turns=2))

    assert [meter.begin_turn() for _ in range(5)] == [True, True, True, False, False]

    meter.end_turn()
    assert [meter.begin_turn() for _ in range(2)] == [True, False]
    meter.charge(Spent(turns=1))
    meter.end_turn()
    assert not meter.begin_turn()
    for _ in range(2):
        meter.end_turn()
    assert [meter.begin_turn() for _ in range(3)] == [True, True, False]


def test_a_turn_is_reserved_and_released_at_all_parents() -> None:
    """A turn that a parent forbids is not reserved below either."""
    clock = ManualClock()
    above = Meter(Budget(turns=3), clock=clock)
    one, other = (Meter(Budget(turns=2), clock=clock, parent=above) for _ in range(2))

    assert [one.begin_turn() for _ in range(3)] == [True, True, False]
    assert [other.begin_turn() for _ in range(2)] == [True, False]
    one.end_turn()
    assert [other.begin_turn() for _ in range(2)] == [True, False]
    assert not above.begin_turn()
    other.end_turn()
    assert above.begin_turn()


def test_a_run_far_beyond_its_limit_has_reached_it() -> None:
    """An answer may be longer than expected."""
    for limits, spent, reason in (
        ({"turns": 2}, Spent(turns=5), "max_turns"),
        ({"tokens": 10}, Spent(tokens=500), "max_tokens"),
        ({"cost_usd": Decimal(1)}, Spent(cost_usd=Decimal(7)), "max_cost"),
        ({"seconds": 10.0}, Spent(seconds=99.0), "deadline"),
    ):
        meter = Meter(Budget(**limits), clock=ManualClock())
        meter.charge(spent)
        assert meter.reached() == reason


def test_a_limit_of_zero_is_a_limit() -> None:
    """It differs from None."""
    assert Budget(tool_calls=0, tokens=0, cost_usd=Decimal(0), seconds=0.0).tool_calls == 0


def test_a_partly_known_price_allows_no_request() -> None:
    """The unknown part may be anything."""
    meter = Meter(Budget(cost_usd=Decimal(1)), clock=ManualClock())

    for forecast in (
        Forecast(input_tokens=1, input_usd_per_million=Decimal(1)),
        Forecast(input_tokens=1, output_usd_per_million=Decimal(1)),
    ):
        assert meter.answer_limit(forecast) == "max_cost"
