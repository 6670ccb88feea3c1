"""The published figures, image and tables agree."""

import json
from pathlib import Path

from benchmarks.plot import draw

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
        assert FIGURES["date"][:10] in text
