"""The child's program, with a stand-in for the package of llama.cpp."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agentkit.local import llama_program

SETTINGS = Path(__file__).parents[2] / "pyproject.toml"

pytestmark = pytest.mark.usefixtures("stand_in")


def start(*arguments: str) -> "subprocess.Popen[str]":
    """Start the program like `launch`; where coverage is measured, measure that of the program."""
    program = [llama_program.__file__, *arguments]
    if sys.gettrace() is not None:
        program = ["-W", "ignore", "-m", "coverage", "run", "--rcfile", str(SETTINGS), *program]
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-P", *program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_announces_only_itself_once_healthy_and_ends_with_its_input() -> None:
    """llama.cpp's output to standard output goes to standard error."""
    with start("tiny.gguf") as process:
        assert process.stdout is not None
        first_line = process.stdout.readline()
        rest, errors = process.communicate(timeout=60)

    announced = json.loads(first_line)
    assert announced.pop("url").startswith("http://127.0.0.1:")
    assert announced == {"takes_tools": True}  # this server does not report on its template
    assert rest == ""
    assert process.returncode == 0
    assert "llama.cpp prints what it likes" in errors
    assert errors.count("asked for /health") == 2


@pytest.mark.parametrize(
    ("supported", "takes_tools"),
    [
        ("tools tool_calls", True),
        ("tools", False),
        ("tool_calls", False),
        ("string_content", False),
    ],
)
def test_it_announces_whether_the_template_takes_tools(
    supported: str, takes_tools: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A template without one of them leaves out tools, or the model's own calls, silently."""
    monkeypatch.setenv("STAND_IN_TEMPLATE_SUPPORTS", supported)

    with start("tiny.gguf") as process:
        assert process.stdout is not None
        first_line = process.stdout.readline()
        process.communicate(timeout=60)

    assert json.loads(first_line)["takes_tools"] is takes_tools


def test_the_server_listens_on_loopback_only_and_rejects_web_pages() -> None:
    """There is no key: any client that can reach it can use it."""
    with start("tiny.gguf") as process:
        _, errors = process.communicate(timeout=60)

    assert '"hostnames": ["127.0.0.1"], "port": 0' in errors
    assert '"cors_origins": "", "cors_credentials": false' in errors


def test_threads_and_context_are_left_to_llama_cpp_unless_given() -> None:
    """Prompt processing and generation get the same number of threads."""
    with start("tiny.gguf") as process:
        _, left = process.communicate(timeout=60)
    with start("x", "--threads=3", "--context_window_tokens=512") as process:
        _, given = process.communicate(timeout=60)

    assert "n_threads" not in left
    assert "n_ctx" not in left
    assert '"cpuparams": {"n_threads": 3}, "cpuparams_batch": {"n_threads": 3}' in given
    assert '"n_ctx": 512' in given


def test_an_interrupt_from_the_terminal_leaves_it_running() -> None:
    """Ctrl-C stops an answer; the conversation continues."""
    with start("tiny.gguf") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)

    assert process.returncode == 0


def test_weights_that_do_not_load_end_it_with_the_reason() -> None:
    """One line, no traceback."""
    with start("broken") as process:
        output, errors = process.communicate(timeout=60)

    assert (output, errors, process.returncode) == ("", "the weights are broken\n", 1)


def test_a_package_that_does_not_import_ends_it_with_the_reason(stand_in: Path) -> None:
    """A system library of the wheel may be missing."""
    stand_in.write_text("raise ImportError('no libfoo')")

    with start("tiny.gguf") as process:
        output, errors = process.communicate(timeout=60)

    assert (output, errors, process.returncode) == ("", "no libfoo\n", 1)
