"""Answers of nine model families, as they left the model, are read right by an agent.

The package `canitoolcall` holds 469 raw outputs with their right reading: rendered by the families'
own chat templates, recorded, or taken from the tests and bug reports of inference engines.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import canitoolcall
import pytest

from agentkit.config.profile import Reasoning
from agentkit.tools.tool import Tool
from tests.corpus.table import CASE, KNOWN_WRONG, SUITE_FAMILY
from tests.corpus.text_answers import Outcome, Written, pieces_of, play_text, recording_tools

Fixture = dict[str, Any]  # JSON of the package
FOLDER = Path(canitoolcall.__file__).parent / "_data" / "fixtures"
FAMILIES = {path.parent.name: json.loads(path.read_text()) for path in FOLDER.glob("*/family.json")}
FIXTURES: list[Fixture] = [
    json.loads(line)
    for path in sorted(FOLDER.glob("*/*.jsonl"))
    for line in path.read_text().splitlines()
]
PREFILLED = ("<think>", "<|open|>think<|sep|>")
"""Ends of a prompt that begins the reasoning, so that only its closing tag is in the answer."""

WRONG = {
    "gemma4/sglang-text-around-call",
    "kimi/k2i-vllm-content-after-tool-section",
    "qwen3-xml/bug-coder-text-after-call",
}
"""A call with prose before and after it on one line: agentkit takes it for an example. See
`docs/gaps.md`."""

CUTS: dict[str, Callable[[str], list[str]] | None] = {
    "complete": None,
    "one character at a time": partial(pieces_of, size=1),
    "random pieces": partial(pieces_of, seed="canitoolcall"),
}


def _reasoning(fixture: Fixture) -> Reasoning:
    """Return how the model writes its reasoning, as its profile would have it."""
    prompt = fixture.get("generation_prompt")
    if prompt is None:
        models = FAMILIES[fixture["family"]]["reference_models"]
        found = [model for model in models if model["repo"] == fixture["models"][0]]
        prompt = found[0]["default_generation_prompt"] if found else ""
    return "prefilled" if prompt.rstrip().endswith(PREFILLED) else "tags"


async def _play(fixture: Fixture, cut: Callable[[str], list[str]] | None) -> Outcome:
    is_limited = "truncated" in fixture["tags"]
    answer = Written(text=fixture["raw_output"], is_limited=is_limited)

    def tools(outcome: Outcome) -> list[Tool]:
        # Without effects, as a call whose values were repaired would have to be confirmed.
        return recording_tools(fixture["tools"], outcome, read_only=True)

    return await play_text(answer, tools, cut=cut, reasoning=_reasoning(fixture))


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda fixture: fixture["id"])
def test_the_calls_of_an_answer_run_and_no_marker_is_shown(
    fixture: Fixture,
    cut: Callable[[str], list[str]] | None,
    record_property: Callable[[str, object], None],
) -> None:
    """Exactly those that the suite expects; of an answer without a right reading, none."""
    record_property(SUITE_FAMILY, fixture["family"])
    record_property(CASE, fixture["id"])
    expected = fixture.get("expected") or {"tool_calls": [], "content": ""}

    outcome = anyio.run(_play, fixture, cut)

    ran = [{"name": name, "arguments": arguments} for name, arguments in outcome.ran]
    if fixture["id"] in WRONG:
        record_property(KNOWN_WRONG, fixture["id"])
        assert ran == []
        return
    assert ran == expected["tool_calls"]
    shown = f"{outcome.shown}\n{outcome.first.text}"
    markers = [one for one in FAMILIES[fixture["family"]]["markers"] if one in shown]
    assert [marker for marker in markers if marker not in (expected["content"] or "")] == []


def test_the_fixtures_are_complete() -> None:
    """All of the suite, and none of the exceptions is obsolete."""
    assert len(FIXTURES) == 469
    assert len(FAMILIES) == 9
    assert {fixture["id"] for fixture in FIXTURES} > WRONG
