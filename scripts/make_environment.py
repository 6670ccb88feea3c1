"""Make a virtual environment with this checkout and some of its extras in it.

In:  the folder to make, the extras, and a stamp that identifies the inputs.
Out: the environment; its file `stamp` is written last, so an incomplete one is never used.

Only the standard library is used. Processes that run at the same time wait for each other: the
lock is the operating system's, which releases it when its holder ends.
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
    """Make the environment unless another process has just made it."""
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
        done = subprocess.run([*pip, *what], check=False)  # noqa: S603 - constants and the command line
        if done.returncode != 0:
            say(
                f"pip could not install {what[-1]}. See its message above; the usual cause is the "
                "network or the package index. No incomplete environment is used: start again."
            )
            return 75
    (folder / "stamp").write_text(stamp + "\n")
    say("The environment is ready.")
    return 0


def say(text: str) -> None:
    """Print progress at once."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
    except KeyboardInterrupt:
        say("Stopped. No incomplete environment is used: start again.")
        sys.exit(130)
    except (OSError, subprocess.CalledProcessError) as error:
        say(f"Cannot make an environment in {sys.argv[1]}: {error}. The folder must be writable.")
        sys.exit(75)
