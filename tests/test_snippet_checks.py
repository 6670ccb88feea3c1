"""A snippet that cannot be run here, and has a mistake, is found."""

from pathlib import Path

import pytest

from agentkit import ConfigError
from tests.test_docs import CHECKS, blocks_of

DOCS = Path(__file__).resolve().parents[1] / "docs"

MISTAKES = {
    "an option that does not exist": ("doctor", "--save-as", "--save"),
    "a command that does not exist": ("doctor", "agentkit doctor openrouter", "agentkit docter x"),
    "an option of another program": ("self-hosted", "--tool-call-parser", "--call-parser"),
    "a variable that nothing reads": ("start", "OPENROUTER_API_KEY", "OPENROUTR_API_KEY"),
    "a package that nothing imports": ("mutation", "cosmic-ray", "cosmic-rays"),
    "a file that does not exist": ("mutation", "test_progress.py", "test_steps.py"),
    "a case that does not exist": ("performance", "short delta", "short deltas"),
    "an option of the benchmark": ("performance", "--one-core", "--cores"),
    "an option of the worker": ("workers", "--concurrency", "--parallel"),
    "a directive of systemd": ("deployment", "ProtectHome", "HomeProtect"),
    "an option of the service": ("deployment", "--drain 60\nRestart", "--drian 60\nRestart"),
    "too little time to stop": ("deployment", "TimeoutStopSec=70", "TimeoutStopSec=60"),
    "a folder that cannot be written": (
        "deployment",
        "StateDirectory=agentkit",
        "StateDirectory=x",
    ),
    "a program elsewhere": ("deployment", "ExecStart=/opt/shop", "ExecStart=/opt"),
    "a variable of a unit": ("workers", "AGENTKIT_DB", "AGENTKIT_DATABASE"),
    "an instruction of a container": ("deployment", "EXPOSE 8000", "PORT 8000"),
    "another port": ("deployment", "EXPOSE 8000", "EXPOSE 80"),
    "an address that does not exist": ("deployment", "8000/health", "8000/healthy"),
    "a file that is not copied": ("deployment", "COPY shop.py", "COPY app.py"),
    "an option in a container": ("workers", '"--grace"', '"--gracious"'),
    "a directive of nginx": ("deployment", "proxy_buffering", "proxy_buffer"),
    "a directive without an end": ("deployment", "proxy_buffering off;", "proxy_buffering off"),
    "a stream that is cut": ("deployment", "proxy_read_timeout 60s", "proxy_read_timeout 9s"),
    "a field of LibreChat": ("service", "titleModel", "titlesModel"),
    "a base URL without a version": ("service", "example.com/v1\n", "example.com\n"),
    "a command in JSON": ("mcp-server", '"serve", "--tools"', '"serve", "--tool-names"'),
    "a field of the catalog": ("providers", "base_url = ", "base_uri = "),
    "a name of another framework": (
        "migrating",
        "import Agent, OpenAIChat",
        "import Agents, OpenAI",
    ),
}


@pytest.mark.parametrize(("name", "right", "wrong"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_in_a_snippet_is_found(name: str, right: str, wrong: str) -> None:
    """The snippet without it is accepted."""
    blocks = [
        block
        for block in blocks_of(DOCS / f"{name}.md")
        if right in block.body and block.language in CHECKS
    ]

    assert blocks
    for block in blocks:
        CHECKS[block.language](block.body)
        with pytest.raises((AssertionError, ConfigError, LookupError, ValueError)):
            CHECKS[block.language](block.body.replace(right, wrong))
