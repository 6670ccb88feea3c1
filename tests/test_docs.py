"""Every snippet of the README and the guides is run, without network and without keys.

- A `python` block is run as a program; a `text output` block after it is its expected output. If
  its first line is a comment with a file name, the block is saved under that name for later blocks.
- `sh`, `ini`, `dockerfile`, `nginx`, `yaml`, `json`, `toml` and `python peer` are checked without
  being run; see `snippet_checks`.
- `text` is a diagram, which `test_layers.py` and `test_examples.py` compare with what it shows.
- A `console` block holds commands after `$`, each followed by some of the lines that it prints, on
  either stream. `…` matches anything. `# exit code N` after a command is its exit code.
"""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tests.forked_python import run_python
from tests.snippet_checks import (
    check_catalog,
    check_dockerfile,
    check_json,
    check_librechat,
    check_nginx,
    check_peer,
    check_shell,
    check_unit,
    parse_agentkit,
)

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ABOUT_CODE = [
    *(ROOT / name for name in ("README.md", "docs/architecture.md", "docs/mutation.md")),
    *sorted((ROOT / "docs" / "decisions").glob("*.md")),
]
ROOTS = (ROOT, ROOT / "agentkit")
CHECKS: Mapping[str, Callable[[str], None]] = {
    "sh": check_shell,
    "ini": check_unit,
    "dockerfile": check_dockerfile,
    "nginx": check_nginx,
    "yaml": check_librechat,
    "json": check_json,
    "toml": check_catalog,
    "python peer": check_peer,
}
COMPARED_ELSEWHERE = {"README.md": 2, "architecture.md": 1}
"""Documents with blocks of the kind `text`: two recorded runs and the diagram of the layers."""
LANGUAGES = {"python", "console", "text", "text output", *CHECKS}
LIMIT_SECONDS = 300

TIMEOUT = """
import signal, subprocess, sys, threading
words = sys.argv[1:]
at = next(i for i, word in enumerate(words) if word[0].isdigit())
with subprocess.Popen(
    words[at + 1 :], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
) as program:
    begun = program.stdout.readline()
    number = signal.Signals[f"SIG{words[words.index('-s') + 1]}"]
    timer = threading.Timer(float(words[at]), program.send_signal, [number])
    timer.start()
    sys.stdout.buffer.write(begun + program.stdout.read())
    timer.cancel()
code = program.returncode
sys.exit(code if code >= 0 else 128 - code)
"""
"""Like `timeout --preserve-status -s SIGNAL SECONDS …`, from the first line that is printed on.

A busy machine may take longer to start the program than the guide lets it run.
"""

_FENCE = re.compile(r"^```(?P<language>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE_NAME = re.compile(r"# (\w+\.py)\n")
_SIGNALS = re.compile(r"\btimeout\b|\bkill\b|(?<!&)&( |$)")
_INCOMPLETE = re.compile("Missing parameter|requires an argument|--help: 0$|'…'")
_EXIT_CODE = re.compile(r"# exit code (\d+)\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block; `line` is its line number."""

    language: str
    body: str
    line: int


def blocks_of(document: Path) -> list[Block]:
    """Return the fenced blocks of a document, in order."""
    text = document.read_text(encoding="utf-8")
    return [
        Block(
            language=found["language"].strip(),
            body=found["body"],
            line=text.count("\n", 0, found.start()) + 1,
        )
        for found in _FENCE.finditer(text)
    ]


def write_program(path: Path, text: str) -> None:
    """Write a program for the shell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def extras() -> frozenset[str]:
    """Return the names of the project's extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return frozenset(project["optional-dependencies"])


@pytest.fixture
def folder(tmp_path: Path, python: list[str]) -> Path:
    """Build a folder to run in, with stand-ins for programs that need a network.

    `scripts/agentkit` and `agentkit` run the command line of this checkout; `pip` only checks that
    the extra exists; `scripts/test` does nothing, because it would run this test. `timeout` counts
    from the first output on.
    """
    agentkit = f'#!/bin/sh\nexec "{sys.executable}" -P -m agentkit "$@"\n'
    forked = f'#!/bin/sh\nexec {shlex.join(python)} -m agentkit "$@"\n'
    write_program(tmp_path / "forked" / "agentkit", forked)
    names = "|".join(
        ["mixtral-agentkit", *(f"mixtral-agentkit\\[{extra}\\]" for extra in extras())]
    )
    write_program(tmp_path / "bin" / "agentkit", agentkit)
    write_program(tmp_path / "bin" / "python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    write_program(tmp_path / "bin" / "timeout", f"#!{sys.executable}{TIMEOUT}")
    write_program(
        tmp_path / "bin" / "pip", f'#!/bin/sh\necho "$1 $2" | grep -Eqx "install ({names})"\n'
    )
    work = tmp_path / "work"
    write_program(work / "scripts" / "agentkit", agentkit)
    write_program(work / "scripts" / "test", "#!/bin/sh\n")
    return work


def environment(folder: Path, *, is_forked: bool) -> dict[str, str]:
    """Return an environment without keys, in which `agentkit` may be a fork of a loaded process."""
    places = [folder.parent / "forked"] * is_forked + [folder.parent / "bin", os.environ["PATH"]]
    path = os.pathsep.join(map(str, places))
    return {"PATH": path, "HOME": str(folder.parent), "PYTHONUTF8": "1"}


def run(words: list[str], folder: Path) -> tuple[int, str]:
    """Run a program in the folder, and return its code and all it printed."""
    done = subprocess.run(  # noqa: S603 - commands of the documents
        words,
        cwd=folder,
        env=environment(folder, is_forked=not _SIGNALS.search(words[-1])),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout


def pattern_of(line: str) -> re.Pattern[str]:
    """Return the pattern of a line: any white space matches a space, `…` matches anything."""
    parts = (r"\s+".join(map(re.escape, part.split(" "))) for part in line.rstrip().split("…"))
    return re.compile(r"\s*" + ".*".join(part.replace(r"\s+\s+", r"\s+") for part in parts))


def commands_of(body: str) -> Iterator[tuple[str, int, list[str]]]:
    """Yield each command of a console block with its exit code and its expected lines."""
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        command, *lines = part.rstrip("\n").split("\n")
        code = _EXIT_CODE.search(command)
        yield command, int(code[1]) if code else 0, [line for line in lines if line.strip()]


def check_console(block: Block, folder: Path) -> None:
    """Run the commands of a block, and look for the expected lines."""
    for command, code, lines in commands_of(block.body):
        found, shown = run(["/bin/sh", "-c", command], folder)
        assert found == code, f"{command}\n{shown}"
        for line in lines:
            pattern = pattern_of(line)
            assert any(map(pattern.match, shown.splitlines())), f"{command}: {line!r} in\n{shown}"


def check_python(block: Block, output: str | None, folder: Path, python: list[str]) -> None:
    """Run a block as a program, and compare its output."""
    name = _FILE_NAME.match(block.body)
    path = folder / (name[1] if name else "snippet.py")
    path.write_text(block.body)
    variables = environment(folder, is_forked=True)
    code, shown = run_python(
        python, [str(path)], folder=folder, variables=variables, seconds=LIMIT_SECONDS
    )
    assert code == 0, shown
    if output is not None:
        shown_lines, lines = shown.splitlines(), output.splitlines()
        assert len(shown_lines) == len(lines), shown
        for shown_line, line in zip(shown_lines, lines, strict=True):
            assert pattern_of(line).fullmatch(shown_line), f"{line!r} is {shown_line!r}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_the_snippets_of_a_document_run_with_the_output_shown(
    document: Path, folder: Path, python: list[str]
) -> None:
    """In order, in one folder."""
    blocks = blocks_of(document)
    for block, behind in pairwise([*blocks, None]):
        assert block is not None
        assert block.language in LANGUAGES, f"line {block.line}: unknown: {block.language!r}"
        try:
            if block.language == "console":
                check_console(block, folder)
            elif block.language == "python":
                has_output = behind is not None and behind.language == "text output"
                output = behind.body if behind and has_output else None
                check_python(block, output, folder, python)
            elif block.language in CHECKS:
                CHECKS[block.language](block.body)
        except Exception as error:
            error.add_note(f"{document.name}, line {block.line}")
            raise


def test_only_blocks_that_another_test_compares_are_plain_text() -> None:
    """Each other block is run or checked here."""
    kinds = {path.name: [block.language for block in blocks_of(path)] for path in DOCUMENTS}
    counts = {name: languages.count("text") for name, languages in kinds.items()}

    assert {name: count for name, count in counts.items() if count} == COMPARED_ELSEWHERE


def test_an_output_is_that_of_the_program_before_it() -> None:
    """So it is compared with what that prints."""
    languages = [[block.language for block in blocks_of(path)] for path in DOCUMENTS]
    before = [one for each in languages for one, after in pairwise(each) if after == "text output"]

    assert set(before) == {"python"}
    assert not [each for each in languages if each[:1] == ["text output"]]


def test_the_commands_in_sentences_exist() -> None:
    """With their options; arguments may be left out."""
    mistakes = []
    for path in DOCUMENTS:
        prose = _FENCE.sub("", path.read_text(encoding="utf-8"))
        for command in re.findall(r"`agentkit ([^`]+)`", prose):
            try:
                parse_agentkit(shlex.split(command))
            except AssertionError as error:
                if not _INCOMPLETE.search(str(error)):
                    mistakes.append((path.name, str(error)))

    assert mistakes == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_the_relative_links_of_a_document_exist(document: Path) -> None:
    """Links to files of the project."""
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)

    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", ABOUT_CODE, ids=lambda path: path.stem)
def test_the_modules_that_a_document_names_exist(document: Path) -> None:
    """From the root of the checkout, or from the package."""
    named = re.findall(r"`([\w-]+/[\w./-]*(?:\.py|/))`", document.read_text(encoding="utf-8"))

    missing = [name for name in named if not any((root / name).exists() for root in ROOTS)]
    assert missing == []
