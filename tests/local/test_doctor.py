"""The doctor against llama.cpp's server, which is not part of this project."""

from dataclasses import replace

import anyio
import pytest

from agentkit.config.load import resolve_model
from agentkit.config.profile import DialectName
from agentkit.doctor.findings import find_all
from agentkit.doctor.run_probes import diagnose

pytest.importorskip("tests.local.tiny_mixtral")


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic_messages"])
async def test_the_findings_match_the_catalog(base_url: str, dialect: DialectName) -> None:
    """A named tool works like `auto`; with `none` a call is in the text; long ids are rejected."""
    resolved = resolve_model("llamacpp:mixtral-8x22b", environ={}, base_url=base_url)
    resolved = replace(resolved, provider=replace(resolved.provider, dialect=dialect))

    with anyio.fail_after(60):
        report = await diagnose(resolved)

    verdicts = {each.question: each.verdict for each in find_all(report.diagnosis)}
    assert report.stopped == ""
    assert report.profiles[0].dialect == dialect
    assert report.profiles[0].accepts.tool_choice == {"auto", "required"}
    assert verdicts["tool_choice named"] == "partly"
    assert verdicts["tool_choice none"] == "partly"
    assert verdicts["tools"] == verdicts["streamed calls"] == verdicts["results of calls"] == "yes"
    assert verdicts["long ids"] == "no"
    assert not any(each.is_problem for each in find_all(report.diagnosis))
