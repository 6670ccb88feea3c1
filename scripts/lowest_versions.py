"""Print the lowest version that `pyproject.toml` allows of each dependency, as constraints of pip.

In:  `pyproject.toml` of this checkout.
Out: lines `NAME==VERSION` on standard output; exit code 1 if a dependency has no lower bound.

The extras `test` and `dev` are left out: they are tools of this checkout, pinned in
`constraints.txt`, and not what a user installs.
"""

import re
import sys
import tomllib
from pathlib import Path

_BOUND = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*>=\s*(?P<version>[0-9][0-9.]*)")
_OF_THE_CHECKOUT = ("test", "dev")


def main() -> int:
    """Print the constraints."""
    file = Path(__file__).resolve().parents[1] / "pyproject.toml"
    project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
    wanted = list(project["dependencies"])
    for extra, names in project["optional-dependencies"].items():
        if extra not in _OF_THE_CHECKOUT:
            wanted += names
    unbounded = [one for one in wanted if _BOUND.match(one) is None]
    if unbounded:
        sys.stderr.write(f"These have no lower bound: {', '.join(unbounded)}.\n")
        return 1
    for one in wanted:
        found = _BOUND.match(one)
        if found is not None:
            sys.stdout.write(f"{found['name']}=={found['version']}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
