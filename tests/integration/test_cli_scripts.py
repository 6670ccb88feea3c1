"""The scripts of the checkout, as far as they go without a network."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CKSUM = shutil.which("cksum") or "cksum"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copy what the scripts need."""
    checkout = tmp_path / "a checkout"
    shutil.copytree(ROOT / "scripts", checkout / "scripts")
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, checkout / name)
    return checkout


@pytest.fixture
def minimal_path(tmp_path: Path) -> Path:
    """Build a PATH with a shell's usual tools and no Python but one that does not start."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "cat", "cksum", "dirname"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    (folder / "python3").write_text("#!/bin/sh\nexit 1\n")
    (folder / "python3").chmod(0o755)
    return folder


def run(script: Path, *words: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run a script with nothing but a PATH."""
    return subprocess.run(  # noqa: S603 - constant arguments
        [script, *words],
        env={"PATH": str(path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_without_a_python_the_script_says_what_is_missing(
    checkout: Path, minimal_path: Path
) -> None:
    """And writes nothing to standard output."""
    done = run(checkout / "scripts" / "agentkit", "run", "hi", path=minimal_path)

    assert done.returncode == 78
    assert done.stdout == ""
    assert "agentkit needs Python 3.11 or newer" in done.stderr


def make_environment(checkout: Path, *, stamp_of: str) -> Path:
    """Put a stand-in for an environment there, stamped as the script would."""
    folder = checkout / ".cache" / "environments" / "agentkit"
    (folder / "bin").mkdir(parents=True)
    python = folder / "bin" / "python"
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    sums = subprocess.run(  # noqa: S603 - constant arguments
        [CKSUM],
        input=b"".join(
            (checkout / name).read_bytes()
            for name in ("pyproject.toml", "constraints.txt", "scripts/environment")
        ),
        capture_output=True,
        check=True,
    ).stdout.decode()
    (folder / "stamp").write_text(f"{stamp_of} {checkout} {sums.strip()}\n")
    return folder


EXTRAS = "mcp,tools-time,tools-units"


def test_an_environment_that_fits_is_used_at_once(checkout: Path, minimal_path: Path) -> None:
    """With the words as they were given, from a folder with a space in its name."""
    make_environment(checkout, stamp_of=EXTRAS)

    done = run(checkout / "scripts" / "agentkit", "run", "two words", path=minimal_path)

    assert done.returncode == 0, done.stderr
    assert done.stdout == "-P -m agentkit run two words\n"
    assert done.stderr == ""


def test_a_link_to_the_script_is_followed(
    checkout: Path, minimal_path: Path, tmp_path: Path
) -> None:
    """As one puts it on one's PATH."""
    make_environment(checkout, stamp_of=EXTRAS)
    (minimal_path / "readlink").symlink_to(shutil.which("readlink") or "readlink")
    link = tmp_path / "agentkit"
    link.symlink_to(checkout / "scripts" / "agentkit")

    done = run(link, "tools", path=minimal_path)

    assert (done.returncode, done.stdout) == (0, "-P -m agentkit tools\n"), done.stderr


def test_a_checkout_that_cannot_be_written_is_an_error_of_one_line(
    checkout: Path, minimal_path: Path
) -> None:
    """Not by a traceback."""
    (checkout / ".cache").touch()
    (minimal_path / "python3").unlink()
    (minimal_path / "python3").symlink_to(sys.executable)

    done = run(checkout / "scripts" / "agentkit", "run", "hi", path=minimal_path)

    assert (done.returncode, done.stdout) == (75, "")
    assert done.stderr.startswith("Cannot make an environment in")
    assert done.stderr.count("\n") == 1


def test_ctrl_c_while_an_environment_is_made_ends_it_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The half of it has no stamp, and is made anew the next time."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("venv.create", interrupt)
    monkeypatch.setattr(sys, "argv", ["make_environment.py", str(tmp_path / "x"), "mcp", "stamp"])

    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "scripts" / "make_environment.py"), run_name="__main__")

    assert ended.value.code == 130
    assert capsys.readouterr().err.splitlines()[1:] == [
        "Stopped. No incomplete environment is used: start again."
    ]


@pytest.mark.parametrize("changed", ["pyproject.toml", "constraints.txt"])
def test_an_environment_made_from_other_files_is_made_anew(
    checkout: Path, minimal_path: Path, changed: str
) -> None:
    """Here that fails for want of a Python, which shows that it is tried."""
    make_environment(checkout, stamp_of=EXTRAS)
    with (checkout / changed).open("a") as file:
        file.write("\n")

    done = run(checkout / "scripts" / "agentkit", "run", "hi", path=minimal_path)

    assert done.returncode == 78


def test_an_unreachable_index_is_an_error_and_leaves_no_stamp(checkout: Path) -> None:
    """The next start tries again."""
    done = subprocess.run(  # noqa: S603 - constant arguments
        [checkout / "scripts" / "environment", "broken", "mcp"],
        env={
            "PATH": os.environ["PATH"],
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 75
    assert done.stdout == ""
    assert "pip could not install" in done.stderr
    assert not (checkout / ".cache" / "environments" / "broken" / "stamp").exists()
