"""The code knows no case of the corpus by its id or its text."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.corpus.cases import ALL, SEEN
from tests.corpus.play import Case

ROOT = Path(__file__).parents[2]
PLAYED = ROOT / "agentkit" / "sandbox"  # says what providers say, as a provider
SOURCES = [
    *(path for path in (ROOT / "agentkit").rglob("*.py") if PLAYED not in path.parents),
    *(ROOT / "tests" / "corpus").glob("*.py"),
]
LONG = 24
"""Characters of a text that no one writes twice by chance."""

OF_THE_FORM = frozenset({"model", "object", "type"})
"""Keys of text that belongs to a format."""


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a value, also in text that is JSON, and its lines."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _texts([key, *([] if key in OF_THE_FORM else [item])])
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        lines = [line.strip().removeprefix("data:") for line in value.splitlines()]
        yield from (line for line in lines if _json(line) is None)
        for text in {value, *lines}:
            yield from _texts(_json(text))


def _json(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict | list) else None


def _distinctive(cases: list[Case]) -> set[str]:
    """Return the ids of the cases, and their long texts."""
    texts = {case["id"] for case in cases}
    for case in cases:
        found = _texts([case.get(key) for key in ("body", "chunks", "expected")])
        texts.update(text for text in found if len(text) >= LONG)
    return texts


def _mentions(source: str, texts: set[str]) -> set[str]:
    return {text for text in texts if text in source}


def test_nothing_mentions_an_observed_case() -> None:
    """Neither its id, nor a long text of it."""
    texts = _distinctive(SEEN)
    found = {
        str(path): mentioned
        for path in SOURCES
        if (mentioned := _mentions(path.read_text(encoding="utf-8"), texts))
    }

    assert len(texts) > len(SEEN)
    assert found == {}


def test_nothing_mentions_the_id_of_another_case() -> None:
    """Ids of other cases name the fault."""
    ids = {f'"{case["id"]}"' for case in ALL}
    found = {str(path): _mentions(path.read_text(encoding="utf-8"), ids) for path in SOURCES}

    assert {path: mentioned for path, mentioned in found.items() if mentioned} == {}


def test_a_mention_would_be_found() -> None:
    """In any line of any source."""
    texts = _distinctive(SEEN)

    for case in SEEN:
        assert _mentions(f'if case == "{case["id"]}":', texts)
    for text in (text for text in texts if len(text) >= LONG):
        assert _mentions(f"x = {text!s}  # y", texts)
