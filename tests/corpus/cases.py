"""Malformed answers of providers, each with its expected outcome.

In:  the files in this folder, one case per line.
Out: lists of cases.

`malformations.jsonl` has observed cases; `more.jsonl` has others of the same families.
"""

import json
from pathlib import Path

from tests.corpus.play import Case

HERE = Path(__file__).parent


def load(name: str) -> list[Case]:
    """Return the cases of one file, in order."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


SEEN = load("malformations.jsonl")
MORE = load("more.jsonl")
ALL = [*SEEN, *MORE]
