"""The timeline and the details of each step, as HTML.

In:  an `Explanation`.
Out: a table of bars, and a box that can be opened for each step.
"""

from collections.abc import Iterable, Iterator

from agentkit.telemetry.explain.durations import duration, money
from agentkit.telemetry.explain.explanation import Explanation
from agentkit.telemetry.explain.html_text import Html, element, join, text
from agentkit.telemetry.explain.run_step import Step, Text
from agentkit.telemetry.explain.time_scale import TimeScale

MAX_ROWS = 1_000
"""Rows of the timeline; more cannot be distinguished."""

_LEAST_WIDTH = 0.35
_SCROLLED_CHARACTERS = 500


def timeline(explanation: Explanation) -> Html:
    """Return a row with a bar for each step; long waits for people are drawn short."""
    scale = TimeScale(explanation)
    ticks = join(
        element(
            "text", text(duration(seconds - scale.begin)), x=f"{scale.short(seconds):.2f}%", y=12
        )
        for seconds in scale.ticks
    )
    label = "Time since the beginning"
    axis = element("svg", ticks, width="100%", height=16, role="img", aria_label=label)
    head = element(
        "tr",
        element("th", text("Step"), scope="col"),
        element("th", axis, scope="col", class_="bar"),
        *(
            element("th", text(name), scope="col", class_="n")
            for name in ("Time", "Tokens", "Cost")
        ),
    )
    columns = join(element("col", class_=name) for name in ("c1", "c2", "c3", "c4", "c5"))
    rows = join(_row(step, scale) for step in explanation.steps[:MAX_ROWS])
    table = element(
        "table",
        element("colgroup", columns),
        element("thead", head),
        element("tbody", rows),
        class_="tl",
    )
    rest = len(explanation.steps) - MAX_ROWS
    more = [element("p", text(f"… {rest:,} more steps"), class_="hint")] if rest > 0 else []
    return element(
        "div", table, *more, class_="tl-box", tabindex=0, role="group", aria_label="Timeline table"
    )


def step_details(explanation: Explanation, *, max_characters: int) -> Iterator[Html]:
    """Return a box for each step; longer texts are shortened."""
    return (_details(step, max_characters) for step in explanation.steps)


def _row(step: Step, scale: TimeScale) -> Html:
    low, high = scale.short(step.start), scale.short(step.end)
    true_low, true_high = scale.true(step.start), scale.true(step.end)
    is_agent = step.kind == "agent"
    bar = element(
        "rect",
        class_=f"k-{'queue' if step.title == 'Queue' else step.kind}",
        y=7 if is_agent else 4,
        height=6 if is_agent else 12,
        rx=2,
        x=f"{low:.2f}%",
        width=f"{max(high - low, _LEAST_WIDTH):.2f}%",
        data_true=f"{true_low:.2f}% {max(true_high - true_low, _LEAST_WIDTH):.2f}%",
    )
    title = element("a", text(step.title), href=f"#{step.anchor}")
    tokens = f"{step.usage.total_tokens:,}" if step.kind == "model" else "-"
    cost = money(step.usage.cost_usd) if step.kind == "model" else "-"
    return element(
        "tr",
        element("th", _key(step), title, *_badges(step), scope="row", class_=_depth(step)),
        element(
            "td",
            element("svg", bar, width="100%", height=20, aria_hidden="true"),
            class_="bar",
        ),
        *(element("td", text(cell), class_="n") for cell in (duration(step.seconds), tokens, cost)),
        data_kind=step.kind,
        data_problem="1" if step.is_problem else "0",
    )


def _depth(step: Step) -> str:
    return f"d{min(step.depth, 2)}"


def _key(step: Step) -> Html:
    kind = "queue" if step.title == "Queue" else step.kind
    return element("span", class_=f"key k-{kind}", aria_hidden="true")


def _badges(step: Step) -> Iterable[Html]:
    return [element("span", text(one.text), class_=f"badge {one.tone}") for one in step.badges]


def _details(step: Step, limit: int) -> Html:
    facts = [step.agent, step.provider or "", duration(step.seconds)]
    if step.kind == "model":
        facts.append(f"{step.usage.input_tokens:,} in, {step.usage.output_tokens:,} out")
        facts.append(money(step.usage.cost_usd))
    summary = element(
        "summary",
        _key(step),
        element("b", text(step.title)),
        *_badges(step),
        element("span", text(" · ".join(filter(None, facts))), class_="meta"),
    )
    body = element(
        "div",
        *(element("p", text(_cut(note, limit))) for note in step.notes),
        *_attempts(step, limit),
        *_repairs(step, limit),
        *(_block(one, limit) for one in step.texts),
        class_="body",
    )
    return element(
        "details",
        summary,
        body,
        class_="entry",
        id=step.anchor,
        data_kind=step.kind,
        data_problem="1" if step.is_problem else "0",
    )


def _attempts(step: Step, limit: int) -> Iterator[Html]:
    if not step.attempts:
        return
    heads = join(
        element("th", text(name), scope="col") for name in ("Provider", "At", "Outcome", "Wait")
    )
    rows = join(
        element(
            "tr",
            element("td", text(one.provider or "-")),
            element("td", text(duration(max(one.at, 0)))),
            element(
                "td",
                text(_cut(one.outcome, limit)),
                class_="bad-text" if one.is_failed else None,
            ),
            element("td", text(duration(one.wait_seconds) if one.wait_seconds else "-")),
        )
        for one in step.attempts
    )
    caption = element("caption", text("Attempts"))
    yield element("table", caption, element("thead", element("tr", heads)), element("tbody", rows))


def _repairs(step: Step, limit: int) -> Iterator[Html]:
    for repair in step.repairs:
        before = Text(label="As the model wrote it", text=repair.before)
        after = Text(label="As it was read", text=repair.after)
        reason = element(
            "p",
            element("b", text(f"Repaired ({repair.kind}). ")),
            text(_cut(repair.reason, limit)),
        )
        pair = element(
            "div", _block(before, limit, class_="data was"), _block(after, limit), class_="two"
        )
        yield element("div", reason, pair, class_="repair")


def _block(one: Text, limit: int, *, class_: str = "data") -> Html:
    shown = _cut(one.text, limit)
    pre = element("pre", text(shown))
    if len(shown) > _SCROLLED_CHARACTERS:  # it scrolls, so the keyboard has to get there
        pre = element("pre", text(shown), tabindex=0, role="group", aria_label=one.label)
    tone = f"{class_} bad" if one.is_bad else class_
    return element("div", element("p", text(one.label), class_="label"), pre, class_=tone)


def _cut(value: str, limit: int) -> str:
    if len(value) <= limit:
        return value
    return f"{value[:limit]}\n… {len(value) - limit:,} more characters …"
