"""The generated reference has everything, and the page of errors names each with a remedy."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import get_args

from agentkit.cli import exit_codes
from agentkit.errors import ErrorKind
from agentkit.event import StopReason
from tests.unit.cli.test_help import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
ROW = re.compile(r"^\| `(?P<name>\w+)`(?:, `\w+`)* \|(?P<cells>.*)\|$", re.MULTILINE)


@cache
def script(name: str) -> ModuleType:
    """Import a script."""
    spec = spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def pages() -> dict[str, str]:
    """Return the generated pages."""
    return dict(script("reference").pages())


def public_objects() -> Iterator[tuple[str, object]]:
    """Yield all public names, as imports find them, with what they refer to."""
    for module in ("agentkit", *(f"agentkit.{name}" for name in script("public_api").SUBMODULES)):
        package = import_module(module)
        for name in package.__all__:
            yield name, getattr(package, name)


def test_the_reference_has_every_public_name() -> None:
    """Once, on the page of its module, and in the list of all names."""
    text = "\n".join(text for path, text in pages().items() if path.startswith("reference/api/"))
    entries = re.findall(r"^(?:::: |## \w+ \{#)([\w.]+)", text, re.MULTILINE)
    found = [entry.rpartition(".")[2] for entry in entries]

    assert sorted(set(entries)) == sorted(entries)
    assert {name for name, _ in public_objects()} <= set(found)
    assert all(f"[`{name}`]" in pages()["reference/index.md"] for name in found)


def test_the_reference_names_where_a_class_is_defined() -> None:
    """Or its documentation would not be found."""
    text = "\n".join(text for path, text in pages().items() if path.startswith("reference/api/"))
    for name, found in public_objects():
        if isinstance(found, type) and found.__module__.startswith("agentkit."):
            assert f"::: {found.__module__}.{found.__qualname__}\n" in text, name


def test_the_reference_has_the_help_of_every_command() -> None:
    """As the command prints it."""
    page = pages()["reference/cli.md"]
    titles = re.findall(r"^## (.*)$", page, re.MULTILINE)

    assert sorted(titles) == sorted(" ".join(("agentkit", *words)) for words in COMMANDS.values())
    assert page.count("Usage: agentkit") == len(titles)


def test_the_reference_has_every_event_with_its_fields() -> None:
    """Each field with its type and its meaning."""
    reference, page = script("reference"), pages()["reference/events.md"]
    for event in (reference.EventRecord, *reference.events()):
        section = page.partition(f"\n## {event.__name__}\n")[2].partition("\n## ")[0]
        rows = {found["name"]: found["cells"] for found in ROW.finditer(section)}
        fields = {field.name for field in reference._fields_of(event)} - {"type"}

        assert rows.keys() == fields, event.__name__
        assert all(len(cells.rpartition(" | ")[2].split()) >= 2 for cells in rows.values()), section


def test_the_reference_has_every_provider_with_its_models() -> None:
    """As the catalog has them."""
    page = pages()["reference/providers.md"]
    catalog = tomllib.loads((ROOT / "agentkit/config/catalog.toml").read_text(encoding="utf-8"))

    assert re.findall(r"^## (\S+)$", page, re.MULTILINE) == list(catalog)
    for provider, table in catalog.items():
        assert all(f"`{provider}:{model}`" in page for model in table.get("models", {}))
        assert all(f"`{name}`" in page for name in table.get("auth", {}).get("env", ()))


def test_every_error_has_a_cause_and_a_remedy() -> None:
    """Each public exception and each kind of error, in a row of the page of errors."""
    text = (DOCS / "errors.md").read_text(encoding="utf-8")
    rows = {
        name: found["cells"].split(" | ")
        for found in ROW.finditer(text)
        for name in re.findall(r"`(\w+)`", found[0].split("|")[1])
    }
    errors = {
        name
        for name, found in public_objects()
        if isinstance(found, type) and issubclass(found, BaseException)
    }

    assert sorted((errors | set(get_args(ErrorKind))) - rows.keys()) == []
    assert [name for name, cells in rows.items() if name in errors and len(cells) != 2] == []
    assert [name for name in get_args(ErrorKind) if len(rows[name]) != 3] == []


def test_every_exit_code_and_stop_reason_is_explained() -> None:
    """On the pages that list them."""
    errors = (DOCS / "errors.md").read_text(encoding="utf-8")
    codes = set(re.findall(r"^- ([\d, ]+):", exit_codes.__doc__ or "", re.MULTILINE))
    running = (DOCS / "running.md").read_text(encoding="utf-8")

    assert codes
    assert all(re.search(rf"^\| {code} \|", errors, re.MULTILINE) for code in codes)
    assert all(f"`{reason}`" in running for reason in get_args(StopReason))
