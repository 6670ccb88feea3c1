"""Type checkers accept correct uses and find mistakes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mypy import api

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SETTINGS = ROOT / "pyproject.toml"
RIGHT, WRONG = HERE / "right.py", HERE / "wrong.py"
MARKED = {
    number
    for number, line in enumerate(WRONG.read_text(encoding="utf-8").splitlines(), start=1)
    if line.endswith("# wrong")
}

_PYRIGHT = str(Path(sys.executable).with_name("pyright"))


def _can_start() -> bool:
    """Return whether pyright can start; its program is fetched at the first start."""
    done = subprocess.run([_PYRIGHT, "--version"], capture_output=True, check=False, timeout=100)  # noqa: S603
    return done.returncode == 0


def _pyright(folder: Path) -> set[tuple[str, int]]:
    """Return the lines with errors of pyright; its cache is in `folder`."""
    for path in (RIGHT, WRONG):
        shutil.copy(path, folder)
    settings = {"enableTypeIgnoreComments": False, "extraPaths": [str(ROOT)]}
    project = folder / "pyrightconfig.json"
    project.write_text(json.dumps(settings))
    command = [_PYRIGHT, "--project", str(project), "--pythonpath", sys.executable]
    done = subprocess.run(  # noqa: S603 - our own command
        [*command, "--outputjson"], capture_output=True, text=True, cwd=ROOT, timeout=100
    )
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] == 2
    return {
        (Path(one["file"]).name, one["range"]["start"]["line"] + 1)
        for one in report["generalDiagnostics"]
        if one["severity"] == "error"
    }


def test_mypy_accepts_correct_uses_and_finds_every_mistake(tmp_path: Path) -> None:
    """An unused ignore would be an error, so each ignore proves a mistake."""
    report, problems, _ = api.run(
        [str(RIGHT), str(WRONG), "--config-file", str(SETTINGS), "--cache-dir", str(tmp_path)]
    )

    assert problems == ""
    assert report.startswith("Success: no issues found in 2 source files")


def test_pyright_accepts_correct_uses_and_finds_every_mistake(tmp_path: Path) -> None:
    """And finds nothing else."""
    if not _can_start():
        pytest.skip("pyright cannot be started: at its first start it comes from npm's registry")

    assert _pyright(tmp_path) == {(WRONG.name, line) for line in MARKED}


def test_every_marked_mistake_is_ignored_by_mypy() -> None:
    """And no other line has an ignore."""
    ignored = [line for line in WRONG.read_text(encoding="utf-8").splitlines() if "ignore[" in line]

    assert len(MARKED) == len(ignored) == 31
