"""Programs that show faults users reported: each exits with 0 where agentkit is right.

They are copies of programs written for an earlier version. `replacements.py` has the names that
changed since, and `originals.sha256` the digests of the originals.
"""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from tests.faults.replacements import REPLACEMENTS, undo

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
LIMIT_SECONDS = 300
OURS = frozenset({"replacements.py", "test_faults.py"})
HELPERS = frozenset({"host.py", "mcp_evil.py"})
COPIES = sorted(path for path in FOLDER.glob("*.py") if path.name not in OURS)
PROGRAMS = [path for path in COPIES if path.name not in HELPERS]
DIGESTS = {
    name: digest
    for digest, name in (
        line.split() for line in (FOLDER / "originals.sha256").read_text().splitlines()
    )
}


@pytest.mark.timeout(LIMIT_SECONDS + 20)
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_that_showed_a_fault_finds_it_right(path: Path, python: list[str]) -> None:
    """Each runs in its own process."""
    folders = (ROOT, ROOT / "tools", ROOT / "agents")
    done = subprocess.run(  # noqa: S603  # constant arguments
        [*python, str(path)],
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))},
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", COPIES, ids=lambda path: path.stem)
def test_a_copy_differs_from_its_original_in_names_only(path: Path) -> None:
    """With the table undone, it has the original's digest."""
    original = undo(path.read_text(encoding="utf-8"))

    assert hashlib.sha256(original.encode()).hexdigest() == DIGESTS[path.name]


def test_every_replacement_is_used() -> None:
    """A row that fits nothing is left over from an earlier name."""
    texts = [path.read_text(encoding="utf-8") for path in COPIES]

    assert [new for _, new in REPLACEMENTS if not any(new in text for text in texts)] == []
