"""Every snippet of the README and the guides, run for real, without network and without keys.

- A `python` block is run as a program; a `text output` block behind it is what it prints. If its
  first line is a comment with a file's name, it is kept under that name for the blocks that follow.
- A `console` block holds commands after `$`, each followed by lines it prints among others, on
  either stream. `…` stands for anything. `# exit code N` behind a command is its exit code.
"""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LANGUAGES = frozenset({"python", "console", "text", "text output", "toml", "json"})
LIMIT_SECONDS = 60

_FENCE = re.compile(r"^```(?P<language>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE_NAME = re.compile(r"# (\w+\.py)\n")
_EXIT_CODE = re.compile(r"# exit code (\d+)\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block; `line` is where it stands."""

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
    """Return the extras that the project has."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return frozenset(project["optional-dependencies"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Build a folder to run in, with stand-ins for what would need a network.

    `scripts/agentkit` and `agentkit` are the command line of this checkout; `pip` only checks that
    what it shall install exists; `scripts/test` is what runs this very test.
    """
    agentkit = f'#!/bin/sh\nexec "{sys.executable}" -P -m agentkit "$@"\n'
    names = "|".join(
        ["mixtral-agentkit", *(f"mixtral-agentkit\\[{extra}\\]" for extra in extras())]
    )
    write_program(tmp_path / "bin" / "agentkit", agentkit)
    write_program(tmp_path / "bin" / "python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    write_program(
        tmp_path / "bin" / "pip", f'#!/bin/sh\necho "$1 $2" | grep -Eqx "install ({names})"\n'
    )
    work = tmp_path / "work"
    write_program(work / "scripts" / "agentkit", agentkit)
    write_program(work / "scripts" / "test", "#!/bin/sh\n")
    return work


def environment(folder: Path) -> dict[str, str]:
    """Return an environment without keys."""
    path = f"{folder.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(folder.parent), "PYTHONUTF8": "1"}


def run(words: list[str], folder: Path) -> tuple[int, str]:
    """Run a program in the folder, and return its code and all it printed."""
    done = subprocess.run(  # noqa: S603 - the words of our own documents
        words,
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout


def pattern_of(line: str) -> re.Pattern[str]:
    """Return what a line of a document stands for: spaces count once, `…` is anything."""
    parts = (r"\s+".join(map(re.escape, part.split(" "))) for part in line.rstrip().split("…"))
    return re.compile(r"\s*" + ".*".join(part.replace(r"\s+\s+", r"\s+") for part in parts))


def commands_of(body: str) -> Iterator[tuple[str, int, list[str]]]:
    """Yield each command of a console block with its exit code and the lines it prints."""
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        command, *lines = part.rstrip("\n").split("\n")
        code = _EXIT_CODE.search(command)
        yield command, int(code[1]) if code else 0, [line for line in lines if line.strip()]


def check_console(block: Block, folder: Path) -> None:
    """Run the commands of a block, and look for the lines they print."""
    for command, code, lines in commands_of(block.body):
        found, shown = run(["/bin/sh", "-c", command], folder)
        assert found == code, f"{command}\n{shown}"
        for line in lines:
            pattern = pattern_of(line)
            assert any(map(pattern.match, shown.splitlines())), f"{command}: {line!r} in\n{shown}"


def check_python(block: Block, output: str | None, folder: Path) -> None:
    """Run a block as a program, and compare what it prints."""
    name = _FILE_NAME.match(block.body)
    path = folder / (name[1] if name else "snippet.py")
    path.write_text(block.body)
    code, shown = run([sys.executable, str(path)], folder)
    assert code == 0, shown
    if output is not None:
        shown_lines, lines = shown.splitlines(), output.splitlines()
        assert len(shown_lines) == len(lines), shown
        for shown_line, line in zip(shown_lines, lines, strict=True):
            assert pattern_of(line).fullmatch(shown_line), f"{line!r} is {shown_line!r}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_the_snippets_of_a_document_do_what_it_says(document: Path, folder: Path) -> None:
    """In order, in one folder."""
    blocks = blocks_of(document)
    for block, behind in pairwise([*blocks, None]):
        assert block is not None
        assert block.language in LANGUAGES, f"line {block.line}: nobody runs {block.language!r}"
        try:
            if block.language == "console":
                check_console(block, folder)
            elif block.language == "python":
                has_output = behind is not None and behind.language == "text output"
                check_python(block, behind.body if behind and has_output else None, folder)
        except AssertionError as error:
            error.add_note(f"{document.name}, line {block.line}")
            raise


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_the_links_of_a_document_lead_somewhere(document: Path) -> None:
    """Those inside the project."""
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)

    assert [link for link in links if not (document.parent / link).exists()] == []


def test_the_files_that_the_readme_names_exist() -> None:
    """So that a reader finds them."""
    named = re.findall(r"`((?:agentkit|docs|examples|scripts)/[\w./]*)`", DOCUMENTS[0].read_text())

    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
