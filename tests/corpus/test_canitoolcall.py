"""Answers of nine model families, as they left the model, are read right by an agent.

The package `canitoolcall` holds 469 raw outputs with their right reading: rendered by the families'
own chat templates, recorded, or taken from the tests and bug reports of inference engines.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import canitoolcall
import pytest

from agentkit.config.profile import Reasoning
from tests.case_group import case_group
from tests.corpus.table import CASES, SUITE_FAMILY
from tests.corpus.text_answers import Outcome, RecordingTools, Written, pieces_of, play_text

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

Cut: TypeAlias = Callable[[str], list[str]] | None
CUTS: dict[str, Cut] = {
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


async def _play(fixture: Fixture, cut: Cut) -> Outcome:
    is_limited = "truncated" in fixture["tags"]
    answer = Written(text=fixture["raw_output"], is_limited=is_limited)
    # Without effects, as a call whose values were repaired would have to be confirmed.
    tools = RecordingTools(fixture["tools"], read_only=True)
    return await play_text(answer, tools, cut=cut, reasoning=_reasoning(fixture))


def _check(fixture: Fixture, outcome: Outcome) -> None:
    """Check what ran, and that no marker was shown."""
    expected = fixture.get("expected") or {"tool_calls": [], "content": ""}
    ran = [{"name": name, "arguments": arguments} for name, arguments in outcome.ran]
    if fixture["id"] in WRONG:
        assert ran == []
        return
    assert ran == expected["tool_calls"]
    shown = f"{outcome.shown}\n{outcome.first.text}"
    markers = [one for one in FAMILIES[fixture["family"]]["markers"] if one in shown]
    assert [marker for marker in markers if marker not in (expected["content"] or "")] == []


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@pytest.mark.parametrize("family", FAMILIES)
def test_the_calls_of_an_answer_run_and_no_marker_is_shown(
    family: str, cut: Cut, record_property: Callable[[str, object], None]
) -> None:
    """Exactly those that the suite expects; of an answer without a right reading, none."""
    fixtures = {one["id"]: one for one in FIXTURES if one["family"] == family}
    is_right = dict.fromkeys(fixtures, False)
    record_property(SUITE_FAMILY, family)
    record_property(CASES, is_right)

    async def check_all() -> None:
        with case_group() as case:
            for name, fixture in fixtures.items():
                with case(name):
                    _check(fixture, await _play(fixture, cut))
                    is_right[name] = name not in WRONG

    anyio.run(check_all)


def test_the_fixtures_are_complete() -> None:
    """All of the suite, and none of the exceptions is obsolete."""
    assert len({fixture["id"] for fixture in FIXTURES}) == len(FIXTURES) == 469
    assert {fixture["family"] for fixture in FIXTURES} == {*FAMILIES}
    assert len(FAMILIES) == 9
    assert {fixture["id"] for fixture in FIXTURES} > WRONG
