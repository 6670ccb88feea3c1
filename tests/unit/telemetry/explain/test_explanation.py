"""What an explanation says about a run in which much happened."""

import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from agentkit import Agent, tool
from agentkit.errors import UsageError
from agentkit.event import EventRecord, RunFailed, RunStarted, ToolCallFinished, ToolCallStarted
from agentkit.event.run_events import BudgetLimits, RunError
from agentkit.message import ToolCall, ToolResult
from agentkit.telemetry.explain import explain, read_records
from agentkit.telemetry.explain.comparison import compare
from agentkit.telemetry.explain.html_view import html_view
from agentkit.telemetry.explain.json_view import json_view
from agentkit.telemetry.explain.text_view import text_view
from agentkit.testing import ScriptedModel, tool_call
from tests.unit.telemetry.explain.recorded import BEGIN, HOSTILE, RECORDS, RUN

EXPLANATION = explain(RECORDS)


def test_time_is_divided_and_each_moment_counts_once() -> None:
    """Nested work is inside that of the tool; the model counts first."""
    time_split = EXPLANATION.time
    total = time_split.without_people + time_split.people

    assert total == pytest.approx(266.4)  # from the queue to the last record
    assert time_split.people == pytest.approx(252)
    assert time_split.queue == pytest.approx(0.4)
    assert time_split.retries == pytest.approx(1.2)
    assert time_split.recovery == pytest.approx(3.0)
    assert time_split.model == pytest.approx(1.9 + 1.1 + 1.4 + 2.0 + 2.3)


def test_steps_are_those_of_the_run_and_of_agents_inside_it() -> None:
    """In the order they began, with what is remarkable about each."""
    found = [(step.depth, step.kind, step.title) for step in EXPLANATION.steps]

    assert found == [
        (0, "wait", "Queue"),
        (0, "agent", "support"),
        (1, "model", "Exchange 1"),
        (1, "tool", "find_order"),
        (1, "tool", "get_policy"),
        (1, "tool", "researcher"),
        (1, "agent", "researcher"),
        (2, "model", "Exchange 1"),
        (2, "tool", "search"),
        (2, "model", "Exchange 2"),
        (1, "model", "Exchange 2"),
        (0, "wait", "Waiting for approval"),
        (0, "agent", "support"),
        (1, "tool", "refund"),
        (1, "model", "Exchange 3"),
    ]
    badges = {step.title: [one.text for one in step.badges] for step in EXPLANATION.steps}
    assert badges["get_policy"] == ["rejected"]
    assert badges["search"] == ["failed"]
    assert badges["Waiting for approval"] == ["approved"]
    assert [one.text for one in EXPLANATION.steps[2].badges] == ["retried", "failed over"]
    assert [one.text for one in EXPLANATION.steps[10].badges] == ["repaired"]
    assert [one.provider for one in EXPLANATION.steps[2].attempts] == [
        "",
        "together:mixtral",
        "openrouter",
    ]


def test_an_exchange_shows_what_was_sent_and_what_came() -> None:
    """What a request has more than the one before: results, also of calls that did not run."""
    sent = [
        {one.label: one.text for one in step.texts}.get("Sent since the exchange before")
        for step in EXPLANATION.steps
        if step.kind == "model"
    ]

    assert sent[0] is None
    assert sent[2] == f"search: {HOSTILE}"
    assert sent[3] == "get_policy: No such tool.\nfind_order: A lamp.\nresearcher: 30 days."
    assert sent[4] == "refund: booked"
    assert [one.label for one in EXPLANATION.steps[10].texts][:2] == [
        *("Sent since the exchange before", "Answer"),
    ]


def test_money_is_by_agent_and_provider() -> None:
    """Attempts that failed are counted with the provider that failed."""
    rows = [(row.agent, row.provider, row.exchanges, row.failed) for row in EXPLANATION.costs]

    assert rows == [
        ("support", "openrouter", 3, 1),
        ("support", "together:mixtral", 0, 1),
        ("researcher", "openrouter", 2, 0),
    ]
    assert EXPLANATION.usage.cost_usd == Decimal("0.005")
    assert (EXPLANATION.segments, EXPLANATION.lives, EXPLANATION.exchanges) == (2, 2, 5)


def test_the_story_names_what_went_wrong() -> None:
    """In the order it happened."""
    story = " ".join(line.text for line in EXPLANATION.story)

    for part in (
        "waited 0.40 s in the queue",
        "Exchange 1 failed 2 times; openrouter answered",
        "3 calls: find_order, get_policy, researcher",
        "get_policy: rejected",
        "The answer was repaired (value)",
        "waited 4 min 12 s for a decision",
        "was approved by mara",
        "The model answered.",
    ):
        assert part in story
    assert [line.badge.text for line in EXPLANATION.remarks if line.badge] == [
        "retried",
        "failed over",
        "rejected",
        "failed",
        "repaired",
        "taken over",
    ]


def test_every_view_shows_all_of_it() -> None:
    """As text, as JSON, as a page."""
    comparison = compare(EXPLANATION, EXPLANATION)
    shown = text_view(EXPLANATION, width=80, comparison=comparison)
    page = html_view(EXPLANATION, comparison=comparison)
    data = json_view(EXPLANATION, comparison=comparison)

    for view in (shown, page, data):
        for part in ("order-7-refund", "refund", "Waiting for approval", "openrouter", "rejected"):
            assert part in view
    assert [row.difference for row in comparison.measures][:4] == ["same", *["+0 ms"] * 3]
    assert all(this == other for this, other in comparison.steps)


def test_approvals_show_who_when_and_what_was_changed() -> None:
    """By the name of the tool."""
    [wait] = [step for step in EXPLANATION.steps if step.title == "Waiting for approval"]

    assert wait.notes == ("refund was approved by mara at 2026-11-27 14:06:32 UTC.",)
    assert [(one.label, one.text) for one in wait.texts] == [
        ("Arguments of the model", '{"order_id": "7", "amount": 89.9}'),
        ("With these arguments instead", '{"amount": 80}'),
    ]


def test_money_and_tokens_are_shown_for_each_turn_with_the_limit() -> None:
    """On the terminal and on the page, with the providers that failed."""
    limits = BudgetLimits(cost_usd=Decimal("0.05"))
    event = RECORDS[0].event
    assert isinstance(event, RunStarted)
    started = replace(RECORDS[0], event=replace(event, budget=limits))
    limited = explain([started, *RECORDS[1:]])
    shown, page = text_view(limited, width=80), html_view(limited)

    assert shown.count("1,100 tokens $0.0010") == limited.exchanges == 5
    assert "Where the money went (limit $0.0500)" in shown
    assert "<small>limit $0.0500</small>" in page
    assert "<small>openrouter failed once, together:mixtral failed once</small>" in page
    assert "Not known: what a provider billed for exchanges that failed." in page


def test_hostile_text_stays_text() -> None:
    """No element, no control, no direction mark of it gets into the page."""
    page = html_view(EXPLANATION)

    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert not {"\x1b", "\u202e"} & set(page)
    assert HOSTILE not in page
    assert page.count("<script>") == page.count("</script>") == 1


def test_a_run_without_an_end_lasts_until_its_last_record() -> None:
    """Its process may have died."""
    explanation = explain(RECORDS[:8])

    assert explanation.outcome == "unfinished"
    assert explanation.seconds == pytest.approx(3.1)
    assert explanation.story[-1].text == "The records end before the run does."


def test_a_failed_run_names_its_error() -> None:
    """Kind and message."""
    error = RunError(kind="timeout", message="No answer.", attempts=1)
    failed = replace(RECORDS[2], event=RunFailed(error=error))
    explanation = explain([*RECORDS[:2], failed])

    assert (explanation.outcome, explanation.error) == ("failed", "timeout: No answer.")
    assert explanation.story[-1].text == "The run failed: No answer."


def test_one_of_several_runs_is_chosen() -> None:
    """By its id, otherwise the last."""
    other = [replace(record, run_id="other") for record in RECORDS[:3]]

    assert explain([*RECORDS, *other]).run_id == "other"
    assert explain([*RECORDS, *other], run_id=RUN).exchanges == 5
    with pytest.raises(UsageError, match="no records of the run 'missing'"):
        explain(RECORDS, run_id="missing")
    with pytest.raises(UsageError, match="no records of a run"):
        explain([])


def test_five_thousand_records_are_explained_in_bounds() -> None:
    """In time that is linear, as a page of 2 MB at most."""
    text = "x" * 5_000
    records = list(RECORDS[:5])
    for number in range(2_500):
        call = ToolCall(id=f"call{number:05}", name="look", arguments=f'{{"text": "{text}"}}')
        at = BEGIN + timedelta(seconds=4 + number)
        named = {"run_id": RUN, "seq": number + 10}
        result = ToolResult(call.id, text)
        finished = ToolCallFinished(call=call, result=result, seconds=0.5)
        records += [
            EventRecord(event=ToolCallStarted(call=call), at=at, **named),  # type: ignore[arg-type]  # both kinds of values
            EventRecord(event=finished, at=at + timedelta(seconds=0.5), **named),  # type: ignore[arg-type]  # both kinds of values
        ]

    began = time.process_time()
    explanation = explain(records)
    page = html_view(explanation)
    seconds = time.process_time() - began

    assert len(explanation.steps) == 2_503
    assert len(page.encode()) <= 2_000_000
    assert seconds <= 60  # a hang, not a measure: it takes about one, and ten if traced


async def test_the_records_of_a_run_are_explained(tmp_path: Path) -> None:
    """Written to a file as the command line prints them."""

    @tool
    async def add(a: int, b: int) -> int:
        return a + b

    lines: list[str] = []

    async def keep(record: EventRecord) -> None:
        lines.append(record.to_json())

    agent = Agent(ScriptedModel(tool_call("add", a=1, b=2), "3."), tools=[add], name="adder")
    await agent.run("Add.", listener=keep)
    file = tmp_path / "run.jsonl"
    file.write_text("\n".join([*lines, ""]), encoding="utf-8")

    explanation = explain(read_records(file))

    assert [step.title for step in explanation.steps] == [
        "adder",
        "Exchange 1",
        "add",
        "Exchange 2",
    ]
    assert explanation.outcome == "answered"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "Cannot read"),
        ("", "holds no records"),
        ("\n\n", "holds no records"),
        ("{}\n", "Line 1 of"),
        (f"{RECORDS[0].to_json()}\nnonsense\n", "Line 2 of"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(
    tmp_path: Path, content: str | None, said: str
) -> None:
    """That names the file and the line."""
    file = tmp_path / "run.jsonl"
    if content is not None:
        file.write_text(content, encoding="utf-8")

    with pytest.raises(UsageError, match=said):
        read_records(file)
