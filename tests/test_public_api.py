"""The changelog lists every public name that changed since the API before 0.2.

`tests/public_api_before_0_2.json` is the output of `scripts/public_api.py` on the last 0.1 version.
"""

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BEFORE: dict[str, Any] = json.loads((ROOT / "tests" / "public_api_before_0_2.json").read_text())
INHERITED = frozenset({"add_note", "args", "with_traceback"})
"""Attributes of every exception, which differ between versions of Python."""


@cache
def today() -> dict[str, Any]:
    """Return the public API of this checkout."""
    done = subprocess.run(  # noqa: S603 - constant arguments
        [sys.executable, str(ROOT / "scripts" / "public_api.py")],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@cache
def renamed() -> dict[str, str]:
    """Return the changelog's table: each old name with the text about the new one."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    table = text[text.index("| before 0.2 |") :]
    rows = re.findall(r"^\| `([^`]+)`[^|]*\| ([^|]+) \|$", table, re.MULTILINE)
    return {old: new.strip() for old, new in rows}


def names_of(api: dict[str, Any]) -> set[str]:
    """Return the public names of an API, and the members and parameters of its classes."""
    found = set(api)
    for name, about in api.items():
        if about["kind"] not in ("class", "function"):
            continue
        found |= {f"{name}.{one}" for one in about.get("members", ()) if one not in INHERITED}
        found |= {f"{name}.{one}" for one in re.findall(r"(\w+)(?:=…)?[,)]", about["signature"])}
    return found


def renamed_class(name: str) -> str:
    """Return the name of a class or a member after the renames of classes."""
    owner, dot, member = name.partition(".")
    new = re.fullmatch(r"`(\w+)`", renamed().get(owner, ""))
    return f"{new[1] if new else owner}{dot}{member}"


def test_every_removed_name_is_in_the_changelog() -> None:
    """Classes, functions, members and parameters, with their replacement or a reason."""
    now = names_of(today())
    removed = {name for name in names_of(BEFORE) if renamed_class(name) not in now}

    assert removed - renamed().keys() == set()


def test_every_moved_name_is_in_the_changelog_with_its_module() -> None:
    """All of them were in `agentkit` itself; renamed ones are listed with their new names."""
    now = {name: str(about["module"]) for name, about in today().items()}
    moved = {
        new: now[new] for new in map(renamed_class, BEFORE) if new in now and now[new] != "agentkit"
    }
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    table = text[text.index("| module | names |") :].partition("\n\n")[0]
    rows = re.findall(r"^\| `(agentkit\.\w+)` \| (.*) \|$", table, re.MULTILINE)

    listed = {name: module for module, names in rows for name in re.findall(r"`(\w+)`", names)}
    assert listed == moved


def test_every_new_public_name_is_in_the_changelog() -> None:
    """As a replacement of an old one, or among the additions."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    new = {name for name, about in today().items() if about["module"] == "agentkit"}
    new -= BEFORE.keys()

    assert {name for name in new if f"`{name}`" not in text} == set()


def test_the_replacements_in_the_changelog_exist() -> None:
    """Those that are public names, or members of public classes."""
    now = names_of(today())
    named = {name for text in renamed().values() for name in re.findall(r"`(\w+(?:\.\w+)?)`", text)}
    public = {name for name in named if name.partition(".")[0] in today()}

    assert public - now == set()
