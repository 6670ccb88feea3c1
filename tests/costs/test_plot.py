"""The published figures, image and tables agree."""

import json
from pathlib import Path

import pytest

from benchmarks import publish
from benchmarks.plot import draw
from benchmarks.rounds import Figures

ROOT = Path(__file__).resolve().parents[2]
FIGURES = json.loads((ROOT / "docs" / "performance.json").read_text())


def test_the_image_shows_the_figures() -> None:
    """It is drawn from the JSON file and not edited."""
    assert (ROOT / "docs" / "performance.svg").read_text() == draw(FIGURES)


def test_the_readme_and_the_guide_contain_the_figures() -> None:
    """With their date."""
    names = ("short run, 1 tool", "short run, 20 tools", "100-turn run", "streamed delta, text")
    row = " | ".join(f"{FIGURES['cases'][name]['ratio']:.2f}" for name in names)

    for path in ("README.md", "docs/performance.md"):
        text = (ROOT / path).read_text()
        assert f"| agentkit | {row} |" in text
        assert FIGURES["dates"][names[0]][:10] in text


def test_the_tables_are_made_by_the_command_and_not_edited() -> None:
    """Each is the text that publishing the same figures again would write."""
    assert publish.readme_table(FIGURES) in (ROOT / "README.md").read_text()
    assert publish.guide_table(FIGURES) in (ROOT / "docs" / "performance.md").read_text()


def _time(ratio: float, *, spread: float = 0.05) -> dict[str, Figures]:
    return {"short run, 1 tool": {"ratio": ratio, "spread": spread}}


def test_several_measurements_are_combined_by_their_medians() -> None:
    """The lowest and the highest are published, too."""
    found = publish.combined([_time(0.5), _time(0.4), _time(0.9)])

    assert found["cases"]["short run, 1 tool"]["ratio"] == 0.5
    assert found["ranges"]["short run, 1 tool"]["ratio"] == (0.4, 0.9)
    assert found["times"] == 3


def test_cases_that_are_not_measured_keep_their_figures_and_their_date() -> None:
    """A part of the cases can be published."""
    old = {"date": "2026-01-01", "cases": {"a": {"ms": 1}, "b": {"ms": 2}}}
    new = {"date": "2026-02-02", "cases": {"b": {"ms": 3}}, "ranges": {}, "peers": {}}

    found = publish.merged(new, old)

    assert found["cases"] == {"a": {"ms": 1}, "b": {"ms": 3}}
    assert found["dates"] == {"a": "2026-01-01", "b": "2026-02-02"}


def test_figures_of_a_busy_machine_are_not_published(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither if its load is high at the start, nor if the baseline's measurements differ."""
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    for load, is_busy in ((0.9, False), (1.1, True)):
        monkeypatch.setattr("os.getloadavg", lambda load=load: (load, 0.0, 0.0))
        assert (publish.reason_not_to_start() is not None) is is_busy

    assert publish.reason_not_to_publish([_time(0.5)] * 3) is None
    reason = publish.reason_not_to_publish([_time(0.5, spread=0.2)] * 3)
    assert reason is not None
    assert "short run, 1 tool (20%)" in reason
