"""Publish figures: the JSON file, the image, and the tables of the README and of the guide.

In:  what was measured, several times; what was published before.
Out: the four files, all made from the JSON file; a reason not to publish.

A busy machine makes the baseline slower, and so agentkit's ratio better than it is. Figures from a
busy machine are therefore not published.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.goals import GOALS
from benchmarks.plot import draw
from benchmarks.rounds import Figures

ROOT = Path(__file__).resolve().parents[1]
JSON_FILE = ROOT / "docs" / "performance.json"
IMAGE = ROOT / "docs" / "performance.svg"
MAX_LOAD_PER_CORE = 0.5
MAX_SPREAD = 0.15
README_CASES = ("short run, 1 tool", "short run, 20 tools", "100-turn run", "streamed delta, text")
IMPORT_CASE = "import and a first agent"

_PART = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- end of figures -->)", re.DOTALL)


def reason_not_to_start() -> str | None:
    """Return why nothing that is measured now could be published."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load <= MAX_LOAD_PER_CORE * cores:
        return None
    return (
        f"The machine is busy: its load is {load:.1f} on {cores} cores. Figures are published if "
        f"it is at most {MAX_LOAD_PER_CORE * cores:g}; wait until other work has ended."
    )


def reason_not_to_publish(times: Sequence[Mapping[str, Figures]]) -> str | None:
    """Return why figures are not published although they were measured."""
    spreads = {
        name: found
        for name in times[0]
        if (found := median(one[name].get("spread", 0.0) for one in times)) > MAX_SPREAD
    }
    if not spreads:
        return None
    listed = ", ".join(f"{name} ({found:.0%})" for name, found in spreads.items())
    return (
        f"The machine is not quiet: measurements of the baseline differ by more than "
        f"{MAX_SPREAD:.0%} in: {listed}."
    )


def combined(times: Sequence[Mapping[str, Figures]]) -> dict[str, Any]:
    """Return the medians of several measurements, and their lowest and highest values."""
    cases: dict[str, dict[str, float]] = {}
    ranges: dict[str, dict[str, tuple[float, float]]] = {}
    for name, figures in times[0].items():
        values = {figure: [one[name][figure] for one in times] for figure in figures}
        cases[name] = {figure: median(each) for figure, each in values.items()}
        ranges[name] = {figure: (min(each), max(each)) for figure, each in values.items()}
    return {"cases": cases, "ranges": ranges, "times": len(times)}


def merged(new: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """Return new figures with those published before of what was not measured now.

    A case keeps the date on which it was measured.
    """
    old_dates = old.get("dates") or dict.fromkeys(old.get("cases", {}), old.get("date", ""))
    return {
        **new,
        "base": f"httpx {version('httpx')} with sniffio {version('sniffio')}",
        "cases": {**old.get("cases", {}), **new["cases"]},
        "ranges": {**old.get("ranges", {}), **new["ranges"]},
        "dates": {**old_dates, **dict.fromkeys(new["cases"], new["date"])},
        "peers": new["peers"] or old.get("peers", {}),
        "peers date": new["date"] if new["peers"] else old.get("peers date", old.get("date", "")),
    }


def publish(figures: Mapping[str, Any]) -> None:
    """Write all files."""
    JSON_FILE.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    IMAGE.write_text(draw(figures), encoding="utf-8")
    _fill(ROOT / "README.md", readme_table(figures))
    _fill(ROOT / "docs" / "performance.md", guide_table(figures))


def readme_table(figures: Mapping[str, Any]) -> str:
    """Return the ratios of agentkit and of other frameworks."""
    cases, peers = figures["cases"], figures["peers"]
    lines = [
        f"CPU time of the client relative to a loop written by hand on {figures['base']}, "
        f"{figures['dates'][README_CASES[0]][:10]} (other frameworks: "
        f"{figures['peers date'][:10]}), by `scripts/bench --full --peers --publish`:",
        "",
        "| | short run | 20 tools | 100-turn run | streamed delta | import and a first agent, "
        "over httpx |",
        "|---|---|---|---|---|---|",
        _row("agentkit", cases, digits=2, figure="ratio to httpx"),
    ]
    for name, peer in peers.items():
        release = peer["packages"][0].partition("==")[2]
        lines.append(_row(f"{name} {release}", peer["cases"], digits=1, figure="ratio"))
    return "\n".join([*lines, ""])


def guide_table(figures: Mapping[str, Any]) -> str:
    """Return every figure that has a goal."""
    machine = (
        f"Python {figures['python']}, {figures['machine']}, {figures['cores']} cores, "
        f"{figures['base']}; medians of {figures['times']} measurements, with the lowest and the "
        "highest."
    )
    lines = [machine, "", "| case | figure | result | goal | measured |", "|---|---|---|---|---|"]
    lines += _guide_rows(figures)
    return "\n".join([*lines, "", readme_table(figures)])


def _guide_rows(figures: Mapping[str, Any]) -> Iterator[str]:
    for name, goals in GOALS.items():
        for figure, goal in goals.items():
            value = figures["cases"].get(name, {}).get(figure)
            if value is None:
                continue
            low, high = figures["ranges"].get(name, {}).get(figure, (value, value))
            between = f" ({_number(low)} to {_number(high)})" if low != high else ""
            missed = " **missed**" if value > goal else ""
            yield (
                f"| {name} | {figure} | {_number(value)}{between} | {goal:g}{missed} | "
                f"{figures['dates'][name][:10]} |"
            )


def _row(name: str, cases: Mapping[str, Any], *, digits: int, figure: str) -> str:
    found = [f"{cases[case]['ratio']:.{digits}f}" for case in README_CASES]
    return f"| {name} | {' | '.join(found)} | {cases[IMPORT_CASE][figure]:.1f} |"


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def _fill(file: Path, table: str) -> None:
    """Put a table into its place.

    Raises:
        ValueError: the file has no place for it.
    """
    text = file.read_text(encoding="utf-8")
    if not _PART.search(text):
        raise ValueError(f"{file} has no '<!-- figures -->' … '<!-- end of figures -->'.")
    file.write_text(_PART.sub(lambda _: f"\n{table}\n", text), encoding="utf-8")
