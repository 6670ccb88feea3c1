"""The README: its first screen, its links on a package index, its picture."""

import html
import re
import subprocess
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.test_docs import DOCUMENTS, blocks_of

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"


def script(name: str) -> ModuleType:
    """Import a script."""
    spec = spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def repository() -> str:
    """Return the address of the repository."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["urls"]["Repository"])


def test_the_first_program_is_short_and_complete() -> None:
    """At most 20 lines, with a tool and a second question, and its output."""
    program, output = blocks_of(README)[1:3]

    assert program.language == "python"
    assert len(program.body.splitlines()) <= 20
    assert program.body.count("run_sync(") == 2
    assert ".output)" in program.body
    assert output.language == "text output"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_a_document_shows_outputs_and_not_positions_in_histories(document: Path) -> None:
    """`result.output` is what people should write."""
    assert not re.search(r"history\[2\]", document.read_text(encoding="utf-8"))


def test_the_links_are_absolute_in_a_distribution() -> None:
    """Links to files, to folders, and to pictures; others stay as they are."""
    convert = script("readme_hook").with_absolute_links
    text = (
        "[a](docs/a.md#b) [b](examples/) ![c](docs/c.svg) [d](#d) [e](https://e.example) "
        "[f](mailto:f@f.example)"
    )

    assert convert(text, repository="https://r.test/x/") == (
        "[a](https://r.test/x/blob/HEAD/docs/a.md#b) [b](https://r.test/x/tree/HEAD/examples) "
        "![c](https://r.test/x/raw/HEAD/docs/c.svg) [d](#d) [e](https://e.example) "
        "[f](mailto:f@f.example)"
    )


def test_no_link_of_the_readme_is_left_relative() -> None:
    """On a package index it would lead nowhere."""
    text = script("readme_hook").with_absolute_links(
        README.read_text(encoding="utf-8"), repository=repository()
    )
    targets = re.findall(r"\]\(([^)]+)\)", text)

    assert len(targets) > 20
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []


def test_each_extra_for_users_is_in_the_table() -> None:
    """Those for work on agentkit itself are not."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    table = README.read_text(encoding="utf-8").partition("| extra | adds |")[2]

    listed = set(re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE))
    assert listed == set(project["optional-dependencies"]) - {"dev", "docs", "test"}


def test_the_address_of_the_repository_is_written_once() -> None:
    """A placeholder as long as it is not known, so that one line has to change."""
    domain = repository().split("/")[2]
    done = subprocess.run(  # noqa: S603 - constant arguments
        ["git", "grep", "-c", "-F", domain],  # noqa: S607 - from the path
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == ["pyproject.toml:1"]


PICTURES = script("terminal_picture").PICTURES


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_shows_what_the_commands_print(picture: Any) -> None:
    """Run `python scripts/terminal_picture.py` to draw them anew."""
    module = script("terminal_picture")
    drawn = picture.path.read_text(encoding="utf-8")
    found = re.search(r"<desc>(.*?)</desc>", drawn, re.DOTALL)

    assert found is not None
    assert html.unescape(found[1]) == module.text_of(module.session(picture))


def test_the_readme_shows_the_pictures() -> None:
    """By links that the build makes absolute."""
    text = README.read_text(encoding="utf-8")

    assert all(f"](docs/images/{picture.name}.svg)" in text for picture in PICTURES)
