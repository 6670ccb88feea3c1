"""What `agentkit mcp serve` refuses before anything is served."""

import sys
from pathlib import Path

import pytest

from agentkit.cli.agent_builder import AgentSelection
from agentkit.cli.exit_codes import USAGE_ERROR, exit_code_of
from agentkit.cli.main import main
from agentkit.cli.mcp.mcp_commands import ServePlan
from agentkit.cli.mcp.serve import run_serve

TOOLS = AgentSelection(tools=["calculator"])


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (ServePlan(), "Nothing to serve"),
        (ServePlan(selection=AgentSelection(tools=["calculater"])), "Did you mean 'calculator'?"),
        (ServePlan(agents=("assistent",)), "Did you mean 'assistant'?"),
        (ServePlan(selection=TOOLS, http="many"), "has no port"),
        (ServePlan(selection=TOOLS, http="localhost:70000"), "has no port"),
        (ServePlan(selection=TOOLS, token_env="T"), "A token applies to HTTP only"),  # noqa: S106 - a name
        (
            ServePlan(selection=TOOLS, http="0", token_env="NO_SUCH"),  # noqa: S106 - a name
            "'NO_SUCH' for the token is not",
        ),
        (ServePlan(selection=TOOLS, http="0", token_file=Path("no/such")), "Cannot read the token"),
        (
            ServePlan(selection=TOOLS, http="0", token_env="T", token_file=Path("t")),  # noqa: S106
            "not both",
        ),
        (ServePlan(selection=TOOLS, http="[::]:0"), "can be reached from other machines"),
    ],
    ids=[
        "nothing",
        "tool",
        "agent",
        "no port",
        "no such port",
        "token without port",
        "no variable",
        "no file",
        "two tokens",
        "open to all",
    ],
)
def test_invalid_options_are_an_error_before_anything_is_served(
    plan: ServePlan, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line, and nothing on standard output."""
    code = exit_code_of(lambda: run_serve(plan))

    out, err = capsys.readouterr()
    assert code == USAGE_ERROR
    assert out == ""
    assert message in err


def test_without_the_extra_the_message_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As for every extra."""
    monkeypatch.delattr("agentkit.cli.mcp.serve")  # it is imported again
    monkeypatch.delitem(sys.modules, "agentkit.cli.mcp.serve")
    monkeypatch.setitem(sys.modules, "agentkit.mcp.server.mcp_server", None)
    monkeypatch.setattr(sys, "argv", ["agentkit", "mcp", "serve", "--tools", "calculator"])

    code = main()

    assert code == USAGE_ERROR
    assert "install 'mixtral-agentkit[mcp]'" in capsys.readouterr().err
