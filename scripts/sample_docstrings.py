"""Draw docstrings at random and print them, so that a reviewer can judge their language.

In:  `--seed`, so that the same sample can be drawn again; `--count`; folders to draw from.
Out: numbered docstrings with their places, on standard output.

    python scripts/sample_docstrings.py --seed 7 agentkit tools agents

Each docstring of a module, class or function is equally likely. The order of the files does not
depend on the machine.
"""

import argparse
import ast
import random
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 100


def main() -> None:
    """Draw and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", nargs="*", default=["agentkit", "tools", "agents"])
    parser.add_argument("--seed", type=int, default=0, help="another seed draws another sample")
    parser.add_argument("--count", type=int, default=60, help="how many docstrings to draw")
    given = parser.parse_args()
    found = [one for folder in given.folders for one in docstrings(ROOT / folder)]
    drawn = random.Random(given.seed).sample(found, min(given.count, len(found)))  # noqa: S311 - a sample, not a secret
    for number, (place, text) in enumerate(drawn, start=1):
        lines = textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="    ")
        sys.stdout.write("\n".join([f"{number}. {place}", *lines, ""]))
    sys.stdout.write(f"{len(drawn)} of {len(found)} docstrings, seed {given.seed}\n")


def docstrings(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the place and the text of each docstring below a folder, in order."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                text = ast.get_docstring(node)
                if text:
                    name = getattr(node, "name", "the module")
                    yield f"{path.relative_to(ROOT).as_posix()}: {name}", text


if __name__ == "__main__":
    main()
