"""The layout of the tree: rules that no linter checks."""

import ast
import inspect
import types
import typing
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import agentkit
from tests.covering_tests import COVERING_TESTS

ROOT = Path(__file__).resolve().parents[1]
CODE = ("agentkit", "tools", "agents", "examples", "benchmarks", "tests", "scripts")
PACKAGES = (ROOT / "agentkit", ROOT / "tools/agentkit_tools", ROOT / "agents/agentkit_agents")

MAX_LINES = 400
LONGER_FILES: frozenset[str] = frozenset()
"""Files that may be longer; each would need a reason here."""

UNNAMED = frozenset({"utils", "util", "helpers", "helper", "common", "core", "manager", "handler"})
"""Names that do not describe the subject of a module."""

PARALLEL = "the packages of two wire formats are parallel"
COMMAND = "a command's module has the command's name"
SHARED_BASENAMES: Mapping[str, str] = {
    "base": "the interface of its package",
    "chat": COMMAND,
    "clock": "`testing.clock` is the fake of `clock`",
    "dialect": PARALLEL,
    "journal": "the protocol is in `agent`, its implementations are in `durable`",
    "messages": PARALLEL,
    "providers": COMMAND,
    "response": PARALLEL,
    "run": COMMAND,
    "serve": COMMAND,
    "server_body": PARALLEL,
    "server_errors": PARALLEL,
    "server_request": PARALLEL,
    "server_response": PARALLEL,
    "tokens": COMMAND,
    "worker": COMMAND,
}
"""Names that two modules of `agentkit` share, with the reason."""


def sources(*folders: Path) -> list[Path]:
    """Return the Python files below folders."""
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def test_files_have_at_most_400_lines() -> None:
    """In all folders with code."""
    too_long = {
        str(path.relative_to(ROOT)): count
        for path in sources(*(ROOT / name for name in CODE))
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > MAX_LINES
        and str(path.relative_to(ROOT)) not in LONGER_FILES
    }

    assert too_long == {}


def test_the_folders_tools_and_agents_are_not_packages() -> None:
    """These import names would collide with those of other projects."""
    assert not (ROOT / "tools" / "__init__.py").exists()
    assert not (ROOT / "agents" / "__init__.py").exists()


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_package_is_marked_as_typed(package: Path) -> None:
    """For the type checkers of its users."""
    assert (package / "py.typed").is_file()


def test_modules_are_named_for_their_subject() -> None:
    """Not `utils`, which would fit any module."""
    assert [path for path in sources(*PACKAGES) if path.stem in UNNAMED] == []


def test_modules_share_a_name_only_for_a_reason() -> None:
    """Within each of the packages; the list has no obsolete reason."""
    shared = set()
    for package in PACKAGES:
        names = Counter(path.stem for path in sources(package) if not path.stem.startswith("__"))
        shared |= {name for name, count in names.items() if count > 1}

    assert shared == SHARED_BASENAMES.keys()


def test_public_classes_have_different_names() -> None:
    """Over all packages."""
    names: Counter[str] = Counter()
    for path in sources(*PACKAGES):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names.update(node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    shared = {name for name, count in names.items() if count > 1 and not name.startswith("_")}

    assert shared == set()


def test_no_code_is_generated_or_read_as_bytecode() -> None:
    """No `exec`, `eval` or `compile`, no other class for an object, no look into functions."""
    found: list[str] = []
    for path in sources(*PACKAGES):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="exec" | "eval" | "compile")):
                    pass
                case ast.Attribute(attr="__class__", ctx=ast.Store()):
                    pass
                case ast.Attribute(attr="co_code" | "__code__"):
                    pass
                case ast.Constant(value="__class__"):
                    pass
                case ast.Import(names=names) if {"dis", "opcode"} & {one.name for one in names}:
                    pass
                case ast.ImportFrom(module="dis" | "opcode"):
                    pass
                case _:
                    continue
            found.append(f"{path.relative_to(ROOT)}:{node.lineno}")

    assert not found
    assert len(sources(*PACKAGES)) > 100


def test_every_module_documents_its_input_and_output() -> None:
    """With `In:` and `Out:`; an `__init__.py` or `__main__.py` needs only a docstring."""
    undocumented = []
    for path in sources(*PACKAGES):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        is_short = path.name in ("__init__.py", "__main__.py")
        if not text or not (is_short or ("In:" in text and "Out:" in text)):
            undocumented.append(str(path.relative_to(ROOT)))

    assert undocumented == []


@pytest.mark.parametrize("name", agentkit.__all__)
def test_a_public_name_has_a_docstring_of_its_own(name: str) -> None:
    """Not the one that `dataclass` generates. Unions cannot have one."""
    found = getattr(agentkit, name)
    if isinstance(found, types.UnionType) or typing.get_origin(found) is not None:
        return

    text = inspect.getdoc(found) or ""

    assert len(text.split()) >= 2
    assert not text.startswith(f"{name}(")


def test_public_names_are_sorted_and_unique() -> None:
    """So that a reader finds them."""
    assert sorted(set(agentkit.__all__)) == agentkit.__all__


def modules() -> Iterator[Path]:
    """Yield the modules of all packages, as paths below `agentkit` or below `tools`, `agents`."""
    for package in PACKAGES:
        folder = package if package.name == "agentkit" else package.parent
        for path in sources(package):
            if not path.stem.startswith("__"):
                yield path.relative_to(folder)


def test_every_module_has_a_test_of_its_name_or_in_the_table() -> None:
    """`tests/covering_tests.py` names the tests of the others, and has no obsolete entry."""
    unit = ROOT / "tests" / "unit"
    unnamed = {
        path.with_suffix("").as_posix()
        for path in modules()
        if not (unit / path.parent / f"test_{path.stem}.py").exists()
        and not (unit / path.parent.parent / f"test_{path.parent.name}.py").exists()
    }
    named = [one for covered in COVERING_TESTS.values() for one in covered]

    assert unnamed - set(named) == set()
    assert set(named) - unnamed == set()
    assert len(named) == len(set(named))
    assert [test for test in COVERING_TESTS if not (ROOT / "tests" / test).exists()] == []
