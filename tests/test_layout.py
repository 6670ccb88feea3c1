"""The shape of the tree: what no linter looks at."""

import ast
import inspect
import types
import typing
from pathlib import Path

import pytest

import agentkit

ROOT = Path(__file__).resolve().parents[1]
CODE = ("agentkit", "tools", "agents", "examples", "benchmarks", "tests", "scripts")
PACKAGES = (ROOT / "agentkit", ROOT / "tools/agentkit_tools", ROOT / "agents/agentkit_agents")

MAX_LINES = 400
LONGER_FILES: frozenset[str] = frozenset()
"""Files that may be longer; each would need a reason here."""

UNNAMED = frozenset({"utils", "util", "helpers", "helper", "common", "core", "manager", "handler"})
"""Names that say nothing about what is in a module."""


def sources(*folders: Path) -> list[Path]:
    """Return the Python files below folders."""
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def test_no_file_is_longer_than_a_person_reads() -> None:
    """At most 400 lines, everywhere."""
    too_long = {
        str(path.relative_to(ROOT)): count
        for path in sources(*(ROOT / name for name in CODE))
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > MAX_LINES
        and str(path.relative_to(ROOT)) not in LONGER_FILES
    }

    assert too_long == {}


def test_bare_folders_are_no_packages() -> None:
    """`tools` and `agents` as import names would collide with those of others."""
    assert not (ROOT / "tools" / "__init__.py").exists()
    assert not (ROOT / "agents" / "__init__.py").exists()


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_package_says_that_it_is_typed(package: Path) -> None:
    """For the type checkers of its users."""
    assert (package / "py.typed").is_file()


def test_modules_are_named_after_what_they_hold() -> None:
    """No module has a name that fits any other as well."""
    assert [path for path in sources(*PACKAGES) if path.stem in UNNAMED] == []


def test_every_module_says_what_goes_in_and_what_comes_out() -> None:
    """In its docstring; packages and the start of a program may be shorter."""
    silent = []
    for path in sources(*PACKAGES):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        is_short = path.name in ("__init__.py", "__main__.py")
        if not text or not (is_short or ("In:" in text and "Out:" in text)):
            silent.append(str(path.relative_to(ROOT)))

    assert silent == []


@pytest.mark.parametrize("name", agentkit.__all__)
def test_a_public_name_has_a_docstring_of_its_own(name: str) -> None:
    """One that was written, not one that dataclasses made up. Unions have no place for one."""
    found = getattr(agentkit, name)
    if isinstance(found, types.UnionType) or typing.get_origin(found) is not None:
        return

    text = inspect.getdoc(found) or ""

    assert len(text.split()) >= 2
    assert not text.startswith(f"{name}(")


def test_public_names_are_sorted_and_unique() -> None:
    """So that a reader finds them."""
    assert sorted(set(agentkit.__all__)) == agentkit.__all__
