"""The help of each command, as it is printed at 80 columns.

The texts are in the folder `help`; `python -m tests.unit.cli.test_help` writes them anew.
"""

import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from agentkit.cli.app import app

FOLDER = Path(__file__).parent / "help"
WIDTH = 80
COMMANDS = {
    "agentkit": (),
    **{
        name: (name,)
        for name in ("run", "chat", "tools", "agents", "providers", "doctor", "explain")
    },
    "sandbox": ("sandbox",),
    "models": ("models",),
    **{f"models-{name}": ("models", name) for name in ("list", "default", "alias")},
    "keys": ("keys",),
    **{f"keys-{name}": ("keys", name) for name in ("set", "list", "remove")},
    "db": ("db",),
    **{f"db-{name}": ("db", name) for name in ("migrate", "check", "gc")},
    "sessions": ("sessions",),
    **{
        f"sessions-{name}": ("sessions", name)
        for name in ("list", "show", "search", "export", "import", "fork", "delete")
    },
    "serve": ("serve",),
    "tokens": ("tokens",),
    **{f"tokens-{name}": ("tokens", name) for name in ("add", "list", "revoke")},
    "worker": ("worker",),
    "runs": ("runs",),
    **{
        f"runs-{name}": ("runs", name)
        for name in (
            "start",
            "list",
            "show",
            "events",
            "decide",
            "cancel",
            "retry",
            "schedule",
            "schedules",
            "unschedule",
        )
    },
    "mcp": ("mcp",),
    **{f"mcp-{name}": ("mcp", name) for name in ("tools", "call", "resources", "prompts", "serve")},
}


CONSTRAINTS = Path(__file__).parents[3] / "constraints.txt"


def pinned(package: str) -> str:
    """Return the version of a package that the recordings were made with."""
    found = re.search(rf"^{package}==(\S+)", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None, f"{package} is not in {CONSTRAINTS.name}"
    return found[1]


def help_of(words: tuple[str, ...]) -> str:
    """Return the help of a command."""
    environment = {"COLUMNS": str(WIDTH), "TERMINAL_WIDTH": str(WIDTH), "NO_COLOR": "1"}
    done = CliRunner().invoke(
        app, [*words, "--help"], prog_name="agentkit", env=environment, terminal_width=WIDTH
    )
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.skipif(
    version("typer") != pinned("typer"), reason="every version of Typer lays its help out anew"
)
@pytest.mark.parametrize(("name", "words"), COMMANDS.items(), ids=COMMANDS.keys())
def test_the_help_is_as_recorded(name: str, words: tuple[str, ...]) -> None:
    """A change of an option shows in a change of a file."""
    assert help_of(words) == (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_a_help_fits_80_columns(path: Path) -> None:
    """And each file belongs to a command."""
    assert path.stem in COMMANDS
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > WIDTH] == []


def commands_of(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of a command and of all below it."""
    yield words
    for name, below in getattr(command, "commands", {}).items():
        yield from commands_of(below, (*words, name))


def test_every_command_is_recorded() -> None:
    """Also one that is new."""
    assert {*commands_of(get_command(app))} == {*COMMANDS.values()}


def test_the_help_of_the_main_commands_has_examples() -> None:
    """People copy them."""
    for name in ("agentkit", "run", "chat", "doctor", "models", "keys"):
        assert "Examples:\n" in (FOLDER / f"{name}.txt").read_text(encoding="utf-8"), name


if __name__ == "__main__":
    for file_name, command in COMMANDS.items():
        (FOLDER / f"{file_name}.txt").write_text(help_of(command), encoding="utf-8")
