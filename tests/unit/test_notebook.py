"""Conversations in notebooks."""

from typing import Any

from agentkit import Agent, History, UserMessage
from agentkit.testing import ScriptedModel


def test_results_and_histories_are_html_in_notebooks() -> None:
    """What the model wrote is text there and nothing else."""
    result = Agent[Any](ScriptedModel("<script>alert(1)</script>")).run_sync("<b>")

    for shown in (result._repr_html_(), result.history._repr_html_()):
        assert "<script>" not in shown
        assert "&lt;script&gt;alert(1)" in shown
        assert "&lt;b&gt;" in shown
    assert "more characters" in History([UserMessage("a" * 5000)])._repr_html_()
