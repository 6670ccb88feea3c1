"""Write the tables of calls in text into the README: `python -m tests.corpus.readme_table`.

In:  the fixtures of the package `canitoolcall` and its page, which has the engines' results.
Out: two tables in Markdown, between the markers of the README.

`test_canitoolcall.py` fails if a fixture counted as right is not, or if the README differs.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import distribution
from pathlib import Path

from tests.corpus.test_canitoolcall import FIXTURES, WRONG

README = Path(__file__).resolve().parents[2] / "README.md"
BEGIN, END = "<!-- calls in text -->\n", "<!-- end of calls in text -->"
_ENGINE = re.compile(
    r"^\| ([\w .-]+) \| (\S+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|", re.MULTILINE
)


def build_tables() -> str:
    """Return the section of the README, without its markers."""
    cases = Counter(fixture["family"] for fixture in FIXTURES)
    wrong = Counter(name.partition("/")[0] for name in WRONG)
    rows = [(name, cases[name], cases[name] - wrong[name]) for name in sorted(cases)]
    rows.append(("all", cases.total(), cases.total() - wrong.total()))
    own = _table(("family", "cases", "right"), rows)
    page = distribution("canitoolcall").read_text("METADATA") or ""
    engines = [(name, total, ok, soft) for name, _, total, ok, soft, _ in _ENGINE.findall(page)]
    published = _table(
        ("parser", "cases it supports", "right", "right but for white space"), engines
    )
    return f"{own}\n{published}"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def written_tables(text: str) -> str:
    """Return the tables as a README has them."""
    return text.partition(BEGIN)[2].partition(END)[0]


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    README.write_text(f"{before}{BEGIN}{build_tables()}{END}{after}", encoding="utf-8")
