"""Fetch the vendored files of the chat page from npm, and check them: `python vendor_page.py`.

In:  `FILES`: packages of npm with their versions, and the hashes of the files that are used.
Out: the files in `agentkit/service/page/static/vendor`, unchanged. A new version needs a new hash
     here and in the table of that folder, and a look at its licence.
"""

import base64
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "agentkit/service/page/static/vendor"
FILES = {
    "preact-htm.js": (
        "htm@3.1.1",
        "package/preact/standalone.module.js",
        "StNNHifqKmppGEDNqrv+YtX8PD3mhAhLtNbioQ4QxbPNqaTnktcDjsIPGjcDoiKa",
    ),
    "marked.js": (
        "marked@18.2.1",
        "package/lib/marked.esm.js",
        "IslICfIW5qGVXiktEGRCl4Yjq1y0sicAAa56H/JFltKBQrOzaiVHAprtE+5IzWU6",
    ),
}


def fetch(package: str, member: str) -> bytes:
    """Return a file of a package.

    Raises:
        SystemExit: there is no npm, or it cannot fetch the package.
    """
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("There is no npm.")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(  # noqa: S603 - constant arguments
            [npm, "pack", "--json", package],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            sys.exit(f"npm could not fetch {package}: {done.stderr[-500:]}")
        archive = Path(folder) / json.loads(done.stdout)[0]["filename"]
        with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as opened:
            found = opened.extractfile(member)
            if found is None:
                sys.exit(f"{package} has no file {member}.")
            return found.read()


def digest(content: bytes) -> str:
    """Return the SHA-384 of a file, as the table of the folder has it."""
    return base64.b64encode(hashlib.sha384(content).digest()).decode()


def main() -> None:
    """Fetch all files, and write them if they are the ones that are expected."""
    for name, (package, member, expected) in FILES.items():
        content = fetch(package, member)
        if digest(content) != expected:
            sys.exit(f"{package}: {member} has the SHA-384 {digest(content)}, not {expected}.")
        (FOLDER / name).write_bytes(content)
        sys.stdout.write(f"{name}: {package}, {len(content):,} bytes\n")


if __name__ == "__main__":
    main()
