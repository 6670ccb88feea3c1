"""`agentkit sandbox`: what it prints, how it ends."""

import json
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from agentkit.cli.commands.sandbox import SandboxOptions, run_sandbox
from agentkit.cli.exit_codes import USAGE_ERROR, exit_code_of

LIMIT_SECONDS = 300


def _ask(base_url: str) -> str:
    body = {"model": "mixtral-8x22b", "messages": [{"role": "user", "content": "hi"}]}
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{base_url}/chat/completions", data=json.dumps(body).encode()
    )
    with urllib.request.urlopen(request, timeout=LIMIT_SECONDS) as answer:  # noqa: S310 - as above
        text: str = answer.read().decode()
    return text


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "terminated"])
def test_it_serves_until_it_is_stopped(stop: signal.Signals) -> None:
    """The URL is the first line, each request a line of the other stream; no port stays open."""
    words = [sys.executable, "-m", "agentkit", "sandbox", "--fault", "html,crlf", "--sequential"]
    with subprocess.Popen(  # noqa: S603 - constant arguments
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        first, second = _ask(url), _ask(url)
        process.send_signal(stop)
        out, err = process.communicate(timeout=LIMIT_SECONDS)

    assert first.startswith("<!DOCTYPE html>")
    assert second.startswith("<!DOCTYPE html>")
    assert process.returncode == 0, err
    assert out == ""
    assert "not a language model" in err
    assert err.count("POST /chat/completions → 200 (html)") == 2
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(url.split(":")[2].split("/")[0])))


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (SandboxOptions(provider="nowhere"), "nowhere"),
        (SandboxOptions(provider="groq"), "names no model of 'groq'"),
        (SandboxOptions(faults=["text_cal"]), "no fault 'text_cal'"),
    ],
    ids=["provider", "model", "fault"],
)
def test_wrong_options_are_reported_before_anything_is_served(
    plan: SandboxOptions, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 2."""
    assert exit_code_of(lambda: run_sandbox(plan)) == USAGE_ERROR
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.out == ""


def test_a_port_in_use_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """With its number."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert exit_code_of(lambda: run_sandbox(SandboxOptions(port=port))) == USAGE_ERROR
    assert f"Port {port} cannot be used" in capsys.readouterr().err
