"""Draw the figures of a benchmark: agentkit, its goals, other frameworks.

In:  the JSON that `scripts/bench --json` writes.
Out: an SVG image; the same figures always give the same image.
"""

import json
import math
import sys
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.goals import GOALS

LEFT, WIDTH, RIGHT, ROW, TOP = 230, 520, 20, 28, 64
LEAST, MOST = 0.05, 50.0
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)
OURS, GOAL, PEERS = "#1f6feb", "#d1242f", ("#8250df", "#bf8700", "#1a7f37", "#57606a")
RATIOS = (
    *("short run, 1 tool", "short run, 20 tools", "100-turn run", "100-turn run, 2 KB results"),
    *("streamed delta, text", "streamed delta, arguments", "import and a first agent"),
)


def draw(figures: Mapping[str, Any]) -> str:
    """Return the figures as an SVG image."""
    cases: Mapping[str, Any] = figures["cases"]
    peers: Mapping[str, Any] = figures.get("peers", {})
    rows = [name for name in RATIOS if name in cases]
    height = TOP + ROW * len(rows) + 40
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + RIGHT}" '
            f'height="{height}" font-family="sans-serif" font-size="12">',
            f'<rect width="100%" height="{height}" fill="white"/>',
            _text(10, 20, f"CPU over a plain httpx loop, {figures['date'][:10]} (less is better)"),
            *_legend([*peers]),
            *_axis(height),
            *(part for place, name in enumerate(rows) for part in _row(place, name, cases, peers)),
            "</svg>\n",
        ]
    )


def _row(
    place: int, name: str, cases: Mapping[str, Any], peers: Mapping[str, Any]
) -> Iterator[str]:
    y = TOP + ROW * place
    # Other frameworks do not depend on our core; all are compared with importing httpx alone.
    figure = "ratio to httpx" if name == "import and a first agent" else "ratio"
    ours = cases[name].get(figure, cases[name]["ratio"])
    yield _text(LEFT - 8, y + 15, name, anchor="end")
    yield (
        f'<rect x="{LEFT}" y="{y + 4}" width="{_x(ours) - LEFT:.1f}" height="14" fill="{OURS}"/>'
    )
    yield _text(_x(ours) + 4, y + 15, f"{ours:.2f}")
    if figure == "ratio":
        goal = _x(GOALS[name]["ratio"])
        yield _line(goal, y + 1, goal, y + 21, color=GOAL, width=2)
    for color, peer in zip(PEERS, peers.values(), strict=False):
        if name in peer["cases"]:
            x = _x(peer["cases"][name]["ratio"])
            yield f'<circle cx="{x:.1f}" cy="{y + 11}" r="5" fill="{color}"/>'


def _legend(peers: list[str]) -> Iterator[str]:
    entries = [("agentkit", OURS), ("goal", GOAL), *zip(peers, PEERS, strict=False)]
    for place, (name, color) in enumerate(entries):
        x = 10 + 110 * place
        yield f'<rect x="{x}" y="30" width="10" height="10" fill="{color}"/>'
        yield _text(x + 14, 39, name)


def _axis(height: int) -> Iterator[str]:
    for tick in TICKS:
        x = _x(tick)
        yield _line(x, TOP, x, height - 36, color="#333" if tick == 1 else "#ddd", width=1)
        yield _text(x, height - 20, f"{tick:g}", anchor="middle")


def _x(ratio: float) -> float:
    """Return the position of a ratio on the logarithmic scale."""
    share = math.log(min(max(ratio, LEAST), MOST) / LEAST) / math.log(MOST / LEAST)
    return LEFT + WIDTH * share


def _text(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, *, color: str, width: int) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1}" x2="{x2:.1f}" y2="{y2}" '
        f'stroke="{color}" stroke-width="{width}"/>'
    )


if __name__ == "__main__":
    found = json.loads(Path(sys.argv[1]).read_text())
    Path(sys.argv[2]).write_text(draw(found))
