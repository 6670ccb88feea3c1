"""Write an explanation as one HTML file that needs no network.

In:  an `Explanation`, perhaps a `Comparison`.
Out: a complete document. Every text is escaped, and its security policy allows its own style and
     script alone, by their hashes: a text that got through would still not run.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from agentkit.telemetry.explain.comparison import Comparison
from agentkit.telemetry.explain.durations import duration, money
from agentkit.telemetry.explain.explanation import Explanation
from agentkit.telemetry.explain.html_steps import step_details, timeline
from agentkit.telemetry.explain.html_text import Html, element, join, text
from agentkit.telemetry.explain.run_step import StoryLine
from agentkit.telemetry.explain.time_parts import time_parts

MAX_BYTES = 2_000_000
_TEXT_LIMITS = (20_000, 2_000, 300, 60)
_STEP_BYTES = 700
"""What a step takes without its texts, about."""

_HERE = Path(__file__).parent
_KEYS = {
    "Model": "model",
    "Tools": "tool",
    "Waiting to retry": "retry",
    "Recovery after a crash": "recovery",
    "Queue": "queue",
    "agentkit and the program": "ours",
    "Waiting for people": "people",
}
_FAILED_COST = "Not known: what a provider billed for exchanges that failed."
_FILTERS = (
    ("all", "All"),
    ("model", "Model"),
    ("tool", "Tools"),
    ("agent", "Agents"),
    ("wait", "Waits"),
    ("problem", "Problems"),
)


def html_view(explanation: Explanation, *, comparison: Comparison | None = None) -> str:
    """Return the document, of `MAX_BYTES` at most if that is possible by shortening texts."""
    page = ""
    sizes = _text_sizes(explanation)
    for max_characters in _TEXT_LIMITS:
        likely = _STEP_BYTES * len(explanation.steps) + sum(
            min(size, max_characters) for size in sizes
        )
        if likely <= MAX_BYTES or max_characters == _TEXT_LIMITS[-1]:
            page = _document(explanation, comparison, max_characters)
            if len(page.encode()) <= MAX_BYTES:
                break
    return page


def source_digests() -> tuple[str, str]:
    """Return the hashes of the style and the script, as a security policy names them."""
    style, script = _sources()
    return _digest(style), _digest(script)


def _sources() -> tuple[str, str]:
    """Return the style and the script of each document."""
    return (
        (_HERE / "page.css").read_text(encoding="utf-8"),
        (_HERE / "page.js").read_text(encoding="utf-8"),
    )


def _text_sizes(explanation: Explanation) -> list[int]:
    """Return the lengths of all texts of all steps."""
    sizes: list[int] = []
    for step in explanation.steps:
        sizes += [len(one.text) for one in step.texts]
        sizes += [len(text) for one in step.repairs for text in (one.before, one.after)]
    return sizes


def _document(explanation: Explanation, comparison: Comparison | None, max_characters: int) -> str:
    style, script = _sources()
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("title", text(f"{explanation.run_id} · agentkit explain")),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("style", Html(style)),
    )
    main = element(
        "main",
        _columns(_story(explanation), _remarks(explanation)),
        _columns(_time(explanation), _money(explanation)),
        element(
            "section",
            element("h2", text("Timeline"), id="h-steps"),
            _filters(explanation),
            timeline(explanation),
            aria_labelledby="h-steps",
        ),
        element(
            "section",
            _steps_head(),
            *step_details(explanation, max_characters=max_characters),
            aria_labelledby="h-each",
        ),
        *(() if comparison is None else (_comparison(comparison),)),
    )
    footer = element("footer", text("Made by agentkit explain. This file needs no network."))
    body = element("body", _header(explanation), main, footer, element("script", Html(script)))
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _digest(source: str) -> str:
    digest = hashlib.sha256(source.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _columns(*sections: Html) -> Html:
    return element("div", *sections, class_="cols")


def _header(explanation: Explanation) -> Html:
    """Return the name of the run and its most important facts."""
    usage, time = explanation.usage, explanation.time
    lives = f", {explanation.lives} lives" if explanation.lives > 1 else ""
    segments = f", {explanation.segments} segments" if explanation.segments > 1 else ""
    about = (
        f"Agent {explanation.agent or '-'} · {explanation.began:%d %B %Y, %H:%M:%S} UTC"
        f"{segments}{lives} · {explanation.model}"
    )
    is_good = explanation.outcome == "answered"
    waited = f"{duration(time.without_people)} without waiting for people" if time.people else ""
    facts = (
        ("Outcome", explanation.outcome, explanation.error or "", "" if is_good else "bad-text"),
        ("Time", duration(explanation.seconds), waited, ""),
        ("Money", money(usage.cost_usd), _of_money(explanation), ""),
        (
            "Tokens",
            f"{usage.total_tokens:,}",
            f"{usage.input_tokens:,} in, {usage.output_tokens:,} out",
            "",
        ),
        ("Exchanges", str(explanation.exchanges), "", ""),
        ("Provider", *_providers(explanation), ""),
    )
    stats = join(
        element(
            "div",
            element("dt", text(name)),
            element("dd", text(value), element("small", text(more)), class_=tone or None),
        )
        for name, value, more, tone in facts
    )
    return element(
        "header",
        element(
            "div",
            element("h1", text(explanation.run_id)),
            element("p", text(about), class_="sub"),
        ),
        element("button", text("Light / dark"), type="button", id="theme", class_="no-print"),
        element("dl", stats, class_="stats"),
        class_="top",
    )


def _linked(line: StoryLine) -> Html:
    if line.anchor is None:
        return text(line.text)
    return element("a", text(line.text), href=f"#{line.anchor}")


def _story(explanation: Explanation) -> Html:
    items = [element("li", _linked(line)) for line in explanation.story]
    return element(
        "section",
        element("h2", text("What happened"), id="h-story"),
        element("ol", *items, class_="story"),
        aria_labelledby="h-story",
    )


def _remarks(explanation: Explanation) -> Html:
    items = [
        element(
            "li",
            element("span", text(line.badge.text), class_=f"badge {line.badge.tone}"),
            element("span", _linked(line)),
        )
        for line in explanation.remarks
        if line.badge is not None
    ]
    content = (
        element("ul", *items, class_="look")
        if items
        else element("p", text("Nothing was repaired, retried or rejected."), class_="hint")
    )
    return element(
        "section",
        element("h2", text("Worth a look"), id="h-look"),
        content,
        aria_labelledby="h-look",
    )


def _time(explanation: Explanation) -> Html:
    """Return where the time went, as a bar and a table."""
    parts = time_parts(explanation.time)
    total = explanation.time.without_people
    bars: list[Html] = []
    at = 0.0
    for name, seconds, share in parts:
        if share and total:
            width = 100 * seconds / total
            key = f"k-{_KEYS[name]}"
            bars.append(
                element("rect", class_=key, x=f"{at:.2f}%", width=f"{width:.2f}%", height=18, rx=2)
            )
            at += width
    label = "Time by kind, without waiting for people"
    svg = element(
        "svg", *bars, class_="split", width="100%", height=18, role="img", aria_label=label
    )
    rows = [
        (_key(_KEYS[name]) + text(name), text(duration(seconds)), text(share))
        for name, seconds, share in parts
    ]
    return element(
        "section",
        element("h2", text("Where the time went"), id="h-time"),
        svg,
        _table(("Part", "Time", "Share"), ((Html(a), b, c) for a, b, c in rows)),
        element(
            "p",
            text("Work done at the same time counts once, for the model first."),
            class_="hint",
        ),
        aria_labelledby="h-time",
    )


def _money(explanation: Explanation) -> Html:
    rows = [
        (
            text(f"{row.agent or '-'}, {row.provider}"),
            text(
                f"{row.exchanges} of {row.exchanges + row.failed}"
                if row.failed
                else f"{row.exchanges}"
            ),
            text(f"{row.usage.input_tokens:,}"),
            text(f"{row.usage.output_tokens:,}"),
            text(money(row.cost_usd)),
        )
        for row in explanation.costs
    ]
    return element(
        "section",
        element("h2", text("Where the money went"), id="h-money"),
        _table(("Agent, provider", "Exchanges", "In", "Out", "Cost"), rows),
        *(
            [element("p", text(_FAILED_COST), class_="hint")]
            if any(row.failed for row in explanation.costs)
            else []
        ),
        aria_labelledby="h-money",
    )


def _of_money(explanation: Explanation) -> str:
    if explanation.usage.cost_usd is None:
        return "not known"
    limit = explanation.cost_limit_usd
    return "" if limit is None else f"limit {money(limit)}"


def _providers(explanation: Explanation) -> tuple[str, str]:
    """Return who answered, and who failed how often."""
    answered = dict.fromkeys(row.provider for row in explanation.costs if row.exchanges)
    failed: Counter[str] = Counter()
    for row in explanation.costs:
        failed[row.provider] += row.failed
    times = [
        f"{name} failed {'once' if count == 1 else f'{count} times'}"
        for name, count in failed.items()
        if count
    ]
    return ", ".join(answered) or "-", ", ".join(times)


def _key(kind: str) -> Html:
    return element("span", class_=f"key k-{kind}", aria_hidden="true")


def _table(heads: Iterable[str], rows: Iterable[tuple[Html, ...]]) -> Html:
    """Return a table; the first cell of a row is its head, the others are numbers."""
    first, *others = heads
    head = element(
        "tr",
        element("th", text(first), scope="col"),
        *(element("th", text(name), scope="col", class_="n") for name in others),
    )
    body = join(
        element(
            "tr",
            element("th", cells[0], scope="row"),
            *(element("td", cell, class_="n") for cell in cells[1:]),
        )
        for cells in rows
    )
    return element("table", element("thead", head), element("tbody", body))


def _filters(explanation: Explanation) -> Html:
    buttons = [
        element(
            "button",
            text(title),
            type="button",
            data_filter=name,
            aria_pressed="true" if name == "all" else "false",
        )
        for name, title in _FILTERS
    ]
    if explanation.time.people:
        buttons.append(
            element(
                "button",
                text("Waits at true length"),
                type="button",
                id="scale",
                aria_pressed="false",
            )
        )
    find = element(
        "input", type="search", id="find", placeholder="Find in steps", aria_label="Find in steps"
    )
    count = len(explanation.steps)
    status = element(
        "span", text(f"{count} of {count} steps"), class_="hint", id="count", role="status"
    )
    return element(
        "div", *buttons, find, status, class_="filters", role="group", aria_label="Filters"
    )


def _steps_head() -> Html:
    return element(
        "div",
        element("h2", text("Each step"), id="h-each"),
        element("button", text("Open all"), type="button", id="open", class_="no-print"),
        class_="head",
    )


def _comparison(comparison: Comparison) -> Html:
    measures = [
        tuple(text(cell) for cell in (row.name, row.this, row.other, row.difference))
        for row in comparison.measures
    ]
    steps = join(
        element("tr", element("td", text(this)), element("td", text(other)))
        for this, other in comparison.steps
    )
    heads = element(
        "tr",
        element("th", text("This run"), scope="col"),
        element("th", text(comparison.other_id), scope="col"),
    )
    return element(
        "section",
        element("h2", text(f"Compared with {comparison.other_id}"), id="h-cmp"),
        _columns(
            _table(("Measure", "This run", comparison.other_id, "Difference"), measures),
            element("table", element("thead", heads), element("tbody", steps)),
        ),
        element("p", text("Two runs can differ by chance."), class_="hint"),
        aria_labelledby="h-cmp",
    )
