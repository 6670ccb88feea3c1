"""`agentkit doctor` as a process of its own."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

LIMIT_SECONDS = 300


def environment(home: Path) -> dict[str, str]:
    """Return an environment without keys, with a home of its own."""
    return {"PATH": os.environ.get("PATH", ""), "HOME": str(home)}


def command(*words: str) -> list[str]:
    """Return a command line."""
    return [sys.executable, "-m", "agentkit", "doctor", *words]


def test_the_sandbox_is_probed_in_an_empty_environment(tmp_path: Path) -> None:
    """Twice, with the same output: the first run writes nothing that changes the second."""
    words = command("sandbox", "--save-as", "box")

    done = [
        subprocess.run(  # noqa: S603 - constant arguments
            words,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
        for _ in range(2)
    ]

    assert [each.returncode for each in done] == [0, 0]
    assert done[0].stdout == done[1].stdout
    assert "tool_choice required" in done[0].stdout
    assert (tmp_path / ".config/agentkit/catalog.toml").read_text().count("[box]") == 1


def test_ctrl_c_during_a_request_leaves_nothing_behind(tmp_path: Path) -> None:
    """No file, no traceback, the usual exit code."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(LIMIT_SECONDS)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        words = command("openai-compatible:m", "--base-url", url)
        with subprocess.Popen(  # noqa: S603 - constant arguments
            words, env=environment(tmp_path), stderr=subprocess.PIPE, text=True
        ) as process:
            client, _ = silent.accept()
            with client:
                client.settimeout(LIMIT_SECONDS)
                assert client.recv(10) != b""
                process.send_signal(signal.SIGINT)
                _, said = process.communicate(timeout=LIMIT_SECONDS)

    assert process.returncode == 130
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []
