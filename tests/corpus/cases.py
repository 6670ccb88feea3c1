"""The cases: what providers were seen to answer, and what is right then.

In:  the files beside this one, a case a line.
Out: lists of cases.

`malformations.jsonl` are cases that were observed; `more.jsonl` are others of the same families.
"""

import json
from pathlib import Path

from tests.corpus.play import Case

HERE = Path(__file__).parent


def load(name: str) -> list[Case]:
    """Return the cases of one file, in its order."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


SEEN = load("malformations.jsonl")
MORE = load("more.jsonl")
ALL = [*SEEN, *MORE]
