"""What people type, on a terminal of 60 and 80 columns, without colour, in a pipe, without output.

Each line of the table is given to a shell as it is written there. No extra is installed, as after
`pip install mixtral-agentkit`.
"""

import json
import re
import shlex
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.forked_python import serve_python
from tests.integration.test_cli import LIMIT_SECONDS, environment
from tests.integration.test_cli_streams import ESCAPE, final_lines, on_terminal

AGENTS = '''
from agentkit import Agent, tool
from agentkit.testing import ScriptedModel, tool_call

PROSE = """# Report

An **extraordinarily** long sentence, with internationalization and other long words, wraps.

- a list item that is also longer than sixty columns, so that it has to be wrapped between words
"""

class Echo(ScriptedModel):
    async def chat(self, request, *, emit):
        answer = ScriptedModel("Received: " + request.history[-1].text)
        return await answer.chat(request, emit=emit)

echo = Agent(Echo())
ada = Agent(ScriptedModel('{"name": "Ada", "age": 36}'))
wrong = Agent(ScriptedModel(*["{}"] * 9))
prose = Agent(ScriptedModel(PROSE))

HOSTILE = "before \\x1b]0;owned\\x07\\x1b[2J\\u202e after"

@tool(read_only=True)
def read_page() -> str:
    """Read a page."""
    return HOSTILE

hostile = Agent(ScriptedModel(tool_call("read_page"), HOSTILE, HOSTILE), tools=[read_page])
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the table.

    Attributes:
        typed: what is typed into a shell.
        shown: texts that appear, with single spaces for white space.
        code: the exit code.
        closed: the exit code if standard output is closed.
        is_fixed: its lines are as long as they are at any width, up to 80 columns.
    """

    typed: str
    shown: tuple[str, ...] = field(default=())
    code: int = 0
    closed: int = 74
    is_fixed: bool = False


TABLE = {
    "question": Line(typed='agentkit "What is 6 * 7?"', shown=("7 is 42.",)),
    "unknown word": Line(typed="agentkit chta", shown=("Did you mean 'chat'",), code=2, closed=2),
    "sub-command": Line(typed="agentkit agents", shown=("assistant",)),
    "dash": Line(typed='agentkit -- "-5 + 3 is what?"', shown=("not a language model",)),
    "piped text": Line(
        typed='cat report.txt | agentkit run "Sum this up" --agent mine.py:echo',
        shown=("Received: Sum this up Sales rose by a third.",),
    ),
    "redirected text": Line(
        typed="agentkit run --agent mine.py:echo < report.txt",
        shown=("Received: Sales rose by a third.",),
    ),
    "options": Line(
        typed='agentkit run "What is 6 * 7?" --instructions "Be brief." -o temperature=0.2 '
        "--max-tokens 500 --max-turns 5 --max-cost 1 --timeout 30",
        shown=("7 is 42.",),
    ),
    "limit": Line(
        typed='agentkit run "What is 6 * 7?" --max-turns 1', shown=("max turns",), code=3
    ),
    "schema": Line(
        typed="agentkit run 'Who?' --agent mine.py:ada --schema 'name, age int'",
        shown=('"name": "Ada", "age": 36',),
    ),
    "wrong schema": Line(
        typed="agentkit run 'Who?' --agent mine.py:wrong --schema 'name, age int'",
        shown=(
            "the answer does not fit: ",
            "agentkit: The model gave no valid structured output: ",
        ),
        code=1,
    ),
    "file": Line(
        typed='agentkit run "Read it" --agent mine.py:echo --file report.txt',
        shown=("Received: Read it The file report.txt: Sales rose by a third.",),
    ),
    "keys": Line(
        typed="echo sk-123456 | agentkit keys set groq && agentkit keys list && "
        "agentkit keys remove groq",
        shown=("The key of Groq is stored in a file", "a stored key", "is removed"),
    ),
    "models": Line(
        typed="agentkit models default mistral && agentkit models mistral",
        shown=("Without --model: mistral", "mistral:mixtral-8x22b-2404"),
    ),
    "alias": Line(
        typed='agentkit models alias fast sandbox && agentkit run -m fast "What is 6 * 7?"',
        shown=("fast = sandbox", "7 is 42."),
    ),
    "providers": Line(
        typed="agentkit providers", shown=("modelslab-anthropic", "MODELSLAB_API_KEY")
    ),
    "Markdown": Line(
        typed="agentkit run 'Report' --agent mine.py:prose",
        shown=("extraordinarily", "internationalization and other long words"),
    ),
    "nothing": Line(typed="agentkit", shown=("What is 12.5% of 640?",), is_fixed=True),
    "wrong provider": Line(
        typed='agentkit run "hi" -m openruter:x',
        shown=("Similar are openrouter, ",),
        code=2,
    ),
    "no key": Line(
        typed='agentkit run "hi" -m groq:x',
        shown=("There is no key for Groq", "set GROQ_API_KEY", "agentkit keys set groq"),
        code=2,
    ),
    "unreachable": Line(
        typed='agentkit run "hi" -m vllm:x --base-url http://127.0.0.1:9/v1',
        shown=("vllm at http://127.0.0.1:9/v1", "--base-url or AGENTKIT_VLLM_BASE_URL"),
        code=1,
    ),
}
EXTRAS = ("keyring", "mcp", "mcp_types", "pint", "psycopg", "sentencepiece", "trio", "xllamacpp")
PROGRAM = """
import sys
sys.path[0] = ""
from agentkit.cli.main import run_program
sys.exit(run_program())
"""
LINES = pytest.mark.parametrize("line", TABLE.values(), ids=TABLE.keys())


@pytest.fixture(scope="module")
def python_without_extras() -> Iterator[str]:
    """Return the command of a Python that has loaded agentkit, and has no extra."""
    with serve_python(missing=EXTRAS) as command:
        yield shlex.join(command)


@pytest.fixture
def folder(tmp_path: Path, python_without_extras: str) -> Path:
    """Build a folder with a report, agents, and the command on its path."""
    (tmp_path / "program").mkdir()
    program = tmp_path / "program" / "agentkit"
    program.write_text(PROGRAM)
    command = tmp_path / "bin" / "agentkit"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {python_without_extras} {program} "$@"\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "report.txt").write_text("Sales rose by a third.\n")
    (tmp_path / "mine.py").write_text(AGENTS)
    return tmp_path


def variables(folder: Path) -> dict[str, str]:
    """Return an environment without keys that finds the command."""
    found = environment(folder)
    return found | {"PATH": f"{folder / 'bin'}:{found['PATH']}"}


def on_shell(typed: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line in a shell, in a pipe."""
    return subprocess.run(  # noqa: S603 - a line of the table
        ["/bin/sh", "-c", typed],
        env=variables(folder),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )


def spaced(text: str) -> str:
    """Return `text` with single spaces."""
    return re.sub(r"\s+", " ", text)


def test_no_extra_can_be_imported(python_without_extras: str, tmp_path: Path) -> None:
    """The command runs as if none was installed."""
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\nfor name in sys.argv[1:]:\n    try:\n        __import__(name)\n"
        "    except ImportError:\n        print(name)\n"
    )

    done = on_shell(f"{python_without_extras} {program} {shlex.join(EXTRAS)}", tmp_path)

    assert done.stdout.split() == list(EXTRAS), done.stderr


@LINES
@pytest.mark.parametrize(
    ("columns", "more"),
    [(60, {}), (80, {}), (80, {"NO_COLOR": "1"})],
    ids=["60 columns", "80 columns", "NO_COLOR"],
)
def test_a_line_on_a_terminal(folder: Path, line: Line, columns: int, more: dict[str, str]) -> None:
    """Every text is there, no line is wider than the terminal, no word is broken."""
    words = ["/bin/sh", "-c", f"{line.typed}\necho code $?"]
    shown = on_terminal(words, folder=folder, columns=columns, more=variables(folder) | more)

    plain = "\n".join(final_lines(shown))
    for text in line.shown:
        assert text in spaced(plain), plain
    assert f"code {line.code}" in plain
    limit = 80 if line.is_fixed else columns
    assert [each for each in plain.split("\n") if len(each) > limit] == []
    if more:
        assert "\x1b" not in shown


@LINES
def test_a_line_in_a_pipe(folder: Path, line: Line) -> None:
    """There are no escape codes, and the exit code is right."""
    done = on_shell(line.typed, folder)

    for text in line.shown:
        assert text in spaced(done.stdout + done.stderr)
    assert done.returncode == line.code
    assert "\x1b" not in done.stdout + done.stderr


@LINES
def test_a_line_without_standard_output(folder: Path, line: Line) -> None:
    """An answer that cannot be written is no success, and no traceback is shown."""
    done = on_shell(f"exec >&-\n{line.typed}", folder)

    assert done.returncode == line.closed, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("option", ["", " --raw"], ids=["rendered", "raw"])
def test_text_from_outside_does_not_steer_the_terminal(folder: Path, option: str) -> None:
    """Neither in an answer nor in the result of a tool."""
    typed = f"agentkit run hi --agent mine.py:hostile{option}"
    shown = on_terminal(["/bin/sh", "-c", typed], folder=folder, columns=80, more=variables(folder))

    assert shown.count(r"before \x1b]0;owned\x07\x1b[2J\u202e after") >= 2
    assert not any(sign in shown for sign in ("\x1b]", "\x1b[2J", "\x07", "\u202e"))


def test_a_chat_needs_no_extra(folder: Path) -> None:
    """Neither does the doctor."""
    typed = "printf 'What is 6 * 7?\\n/help\\n' | agentkit chat; agentkit doctor sandbox --dry-run"
    words = ["/bin/sh", "-c", typed]
    shown = ESCAPE.sub("", on_terminal(words, folder=folder, columns=80, more=variables(folder)))

    assert "7 is 42." in shown
    assert "/quit, /exit" in shown
    assert "a native tool call was returned" in spaced(shown)


@pytest.mark.parametrize("command", ["providers", "models list", "keys list", "tools"])
def test_a_list_is_also_json(folder: Path, command: str) -> None:
    """For programs."""
    done = on_shell(f"agentkit {command} --json", folder)

    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), list)
