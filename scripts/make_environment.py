"""Make a virtual environment with this checkout and some of its extras in it.

In:  the folder to make, the extras, and the stamp that says what it was made from.
Out: the environment; its file `stamp` is written last, so a broken one is never taken for whole.

Only the standard library is used. Two at the same time wait for each other: the lock is the
system's own, so that it is gone when its holder is.
"""

import contextlib
import fcntl
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD_TOOLS = ("hatchling", "editables")


def main(folder: Path, extras: str, stamp: str) -> int:
    """Make the environment unless another process made it meanwhile."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with contextlib.suppress(OSError):
            if (folder / "stamp").read_text().strip() == stamp:
                return 0
        say(f"Making an environment in {folder} (first use, about half a minute) …")
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        return install(folder, extras, stamp)


def install(folder: Path, extras: str, stamp: str) -> int:
    """Install the checkout with pinned versions, then write the stamp."""
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-qq"]
    pip += ["--disable-pip-version-check", "--constraint", str(ROOT / "constraints.txt")]
    for what in (BUILD_TOOLS, ("--no-build-isolation", "--editable", f"{ROOT}[{extras}]")):
        done = subprocess.run([*pip, *what], check=False)  # noqa: S603 - our own words
        if done.returncode != 0:
            say(
                f"pip could not install {what[-1]}. Its message stands above; mostly it is the "
                "network or the package index. Nothing is left half made: start again."
            )
            return 75
    (folder / "stamp").write_text(stamp + "\n")
    say("The environment is ready.")
    return 0


def say(text: str) -> None:
    """Tell a person how far it is, at once."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
    except KeyboardInterrupt:
        say("Stopped. Nothing is left half made: start again.")
        sys.exit(130)
    except (OSError, subprocess.CalledProcessError) as error:
        say(f"No environment can be made in {sys.argv[1]}: {error}. It must be possible to write.")
        sys.exit(75)
