"""Type checkers accept correct uses and find mistakes."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

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


def test_mypy_accepts_correct_uses_and_finds_every_mistake() -> None:
    """An unused ignore would be an error, so each ignore proves a mistake."""
    # In a process of its own, since millions of its objects would stay in this one.
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "mypy", "--config-file", str(SETTINGS), str(RIGHT), str(WRONG)],
        cwd=ROOT,  # where the cache is that checking all types fills
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert done.stderr == ""
    assert done.stdout.startswith("Success: no issues found in 2 source files")


def test_pyright_accepts_correct_uses_and_finds_every_mistake(tmp_path: Path) -> None:
    """And finds nothing else."""
    if not _can_start():
        pytest.skip("pyright cannot be started: at its first start it comes from npm's registry")

    assert _pyright(tmp_path) == {(WRONG.name, line) for line in MARKED}


@pytest.mark.timeout(320)
def test_every_public_type_of_the_wheel_is_known(tmp_path: Path) -> None:
    """Without inference, on which type checkers may differ."""
    if not _can_start():
        pytest.skip("pyright cannot be started: at its first start it comes from npm's registry")
    site = tmp_path / "site"
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=100)  # noqa: S603
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(site)
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])

    done = subprocess.run(  # noqa: S603 - our own command
        [_PYRIGHT, "--verifytypes", "agentkit", "--ignoreexternal", "--outputjson"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PATH": places, "PYTHONPATH": str(site)},
        timeout=200,
    )

    report = json.loads(done.stdout)["typeCompleteness"]
    unknown = [one["name"] for one in report["symbols"] if not one["isTypeKnown"]]
    assert Path(report["packageRootDirectory"]).is_relative_to(tmp_path)
    assert unknown == []
    assert report["completenessScore"] == 1


def test_every_marked_mistake_is_ignored_by_mypy() -> None:
    """And no other line has an ignore."""
    ignored = [line for line in WRONG.read_text(encoding="utf-8").splitlines() if "ignore[" in line]

    assert len(MARKED) == len(ignored) == 31
