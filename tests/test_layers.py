"""Imports follow the layers of `pyproject.toml`, with lazily loaded modules counted."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (ROOT, ROOT / "tools", ROOT / "agents")
PACKAGES = ("agentkit", "agentkit_tools", "agentkit_agents")
PATH = re.compile(r"(agentkit(?:_tools|_agents)?(?:\.\w+)*):\w+")

LATE = tuple(f"agentkit.{name}." for name in ("cli", "dialect", "output", "store", "transport"))
"""The packages whose modules are loaded as attributes of them, if few programs need them."""

OWN = re.compile(r"agentkit(_tools|_agents)?(\.|\Z)")

LAUNCHERS = {
    ("agentkit.model.launch", "agentkit.local.llama_server"),
    ("agentkit.model.launch", "agentkit.sandbox"),
}
"""The only exceptions: launchers of providers that `agentkit.model.launch` starts.

The catalog names them, so that a user's catalog can name another one.
"""


def module_name(path: Path) -> str:
    """Return the dotted name of a module of this checkout."""
    folder = next(one for one in reversed(FOLDERS) if path.is_relative_to(one))
    parts = path.relative_to(folder).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def lazy_imports() -> frozenset[tuple[str, str]]:
    """Return each module with one that it loads by name, including the catalog's launchers."""
    return frozenset(_lazy_imports())


def _lazy_imports() -> Iterator[tuple[str, str]]:
    for folder, package in zip(FOLDERS, PACKAGES, strict=True):
        for path in sorted((folder / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                for name in named_modules(node):
                    yield module_name(path), name
    catalog = tomllib.loads((ROOT / "agentkit/config/catalog.toml").read_text(encoding="utf-8"))
    for provider in catalog.values():
        if "launcher" in provider:
            yield "agentkit.model.launch", provider["launcher"].partition(":")[0]


def named_modules(node: ast.AST) -> Iterator[str]:
    """Yield what a node loads: `"module:name"`, `LazyModule("module")`, or `package.module`."""
    match node:
        case ast.Constant(str(text)) if found := PATH.fullmatch(text):
            yield found[1]
        case ast.Call(ast.Name("LazyModule"), [ast.Constant(str(name))]) if OWN.match(name):
            yield name
        case ast.Attribute():
            module = "agentkit." + ast.unparse(node).removeprefix("output_package.")
            if module.startswith(LATE) and is_module(module):
                yield module
        case _:
            pass


def is_module(name: str) -> bool:
    """Return whether a dotted name is that of a module of agentkit, not of a package."""
    return ROOT.joinpath(*name.split(".")).with_suffix(".py").is_file()


def contracts(kind: str) -> list[dict[str, Any]]:
    """Return the contracts of one kind."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [one for one in settings["tool"]["importlinter"]["contracts"] if one["type"] == kind]


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Return all imports, including the lazy ones and without the launchers."""
    graph = grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)
    for importer, imported in lazy_imports():
        if (importer, imported) not in LAUNCHERS:
            graph.add_import(importer=importer, imported=imported)
    return graph


def test_modules_that_are_loaded_by_name_exist(graph: grimp.ImportGraph) -> None:
    """There are some, otherwise this file would check nothing."""
    assert len(lazy_imports()) > 10
    assert {imported for _, imported in lazy_imports()} <= graph.modules


def test_few_modules_are_named_by_a_string() -> None:
    """One for each heavy library, and a few of our own; see decisions/0003."""
    found = [
        str(argument.value)
        for path in sorted((ROOT / "agentkit").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if node.func.id in ("LazyModule", "load_object")
        if isinstance(argument := node.args[0], ast.Constant)
    ]

    assert len(found) == len(set(found))
    assert len(found) <= 15, found


def test_each_launcher_is_in_the_catalog() -> None:
    """No exception is obsolete."""
    assert lazy_imports() >= LAUNCHERS


@pytest.mark.parametrize("contract", contracts("layers"), ids=lambda one: str(one["name"]))
def test_imports_point_down(contract: dict[str, Any], graph: grimp.ImportGraph) -> None:
    """No module imports one of a higher layer, or of another package of its layer."""
    layers = [grimp.Layer(*line.split(" | "), independent=True) for line in contract["layers"]]
    containers = set(contract.get("containers", ()))

    broken = graph.find_illegal_dependencies_for_layers(layers, containers=containers or None)

    assert broken == set()


def test_no_two_packages_import_each_other(graph: grimp.ImportGraph) -> None:
    """Not even through different modules."""
    for package in sorted(graph.find_children("agentkit")):
        below = {package, *graph.find_descendants(package)}
        reached = {
            other
            for module in below
            for other in graph.find_modules_directly_imported_by(module)
            if other.startswith("agentkit.") and other not in below
        }
        for other in reached:
            name = ".".join(other.split(".")[:2])
            assert not graph.direct_import_exists(
                importer=name, imported=package, as_packages=True
            ), (package, name)


def test_the_diagram_of_the_architecture_has_the_layers_of_the_contract() -> None:
    """Every package is in it, and a higher layer comes first."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    diagram = text.partition("```text")[2].partition("```")[0]
    packages = {path.parent.name for path in (ROOT / "agentkit").glob("*/__init__.py")}
    (core,) = (one for one in contracts("layers") if one.get("exhaustive"))
    layers = [packages & set(line.split(" | ")) for line in core["layers"]]

    places = {
        name: found.start() if (found := re.search(rf"\b{name}: ", diagram)) else -1
        for name in packages
    }

    assert {name for name, place in places.items() if place < 0} == set()
    shown = [sorted(places[name] for name in layer) for layer in layers if layer]
    assert all(above[-1] < below[0] for above, below in pairwise(shown)), shown
