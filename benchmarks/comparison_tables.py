"""The outcomes of `benchmarks.correctness` as tables for the documents.

In:  the outcomes of each framework by fault.
Out: a table of counts and a table with a row for each fault, between comments in the documents.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

VERDICTS = ("right", "error", "wrong", "never")
WORDS = {"right": "right", "error": "error", "wrong": "**wrong**", "never": "**never**"}


def write_tables(result: Mapping[str, Any], *, root: Path | None) -> str:
    """Return the tables; with `root`, put them into README.md and docs/comparison.md, too."""
    counts, rows = counts_table(result), faults_table(result)
    if root is not None:
        put(root / "README.md", "counts", counts)
        put(root / "docs" / "comparison.md", "counts", counts)
        put(root / "docs" / "comparison.md", "faults", rows)
    return f"{counts}\n{rows}"


def put(document: Path, name: str, table: str) -> None:
    """Replace what is between the comments of a table.

    Raises:
        LookupError: the document has no such comments.
    """
    begin, end = f"<!-- {name} of the comparison -->", f"<!-- end of {name} -->"
    text = document.read_text(encoding="utf-8")
    if begin not in text or end not in text:
        raise LookupError(f"{document} has no {begin}.")
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    document.write_text(pattern.sub(lambda _: f"{begin}\n{table}{end}", text), encoding="utf-8")


def counts_table(result: Mapping[str, Any]) -> str:
    """Return how often each framework was right, in error, wrong, or did not end."""
    dates = sorted({one["date"] for one in result["frameworks"].values()})
    lines = [
        f"{' to '.join(dict.fromkeys((dates[0], dates[-1])))}, `{result['command']}`:\n\n",
        "| framework | right answer | clear error | silently wrong | never ends |\n",
        "|---|---:|---:|---:|---:|\n",
    ]
    for name, framework in result["frameworks"].items():
        counts = Counter(
            outcome["verdict"]
            for fault, modes in framework["outcomes"].items()
            for outcome in modes.values()
            if fault != "none"
        )
        cells = " | ".join(str(counts[verdict]) for verdict in VERDICTS)
        lines.append(f"| {title_of(name, framework['packages'])} | {cells} |\n")
    return "".join(lines)


def faults_table(result: Mapping[str, Any]) -> str:
    """Return a row for each fault; `complete / streamed` if the two differ."""
    names = list(result["frameworks"])
    faults = {fault: None for one in result["frameworks"].values() for fault in one["outcomes"]}
    lines = [
        f"| fault | how often | {' | '.join(names)} |\n",
        f"|---|---|{'---|' * len(names)}\n",
    ]
    for fault in faults:
        often = "always" if fault in result["permanent"] else "once"
        cells = [cell_of(result["frameworks"][name]["outcomes"].get(fault, {})) for name in names]
        often = "" if fault == "none" else often
        lines.append(f"| `{fault}` | {often} | {' | '.join(cells)} |\n")
    return "".join(lines)


def cell_of(modes: Mapping[str, Mapping[str, object]]) -> str:
    """Return the verdicts of a framework about one fault."""
    found = [
        WORDS[str(modes[mode]["verdict"])] for mode in ("complete", "streamed") if mode in modes
    ]
    if not found:
        return "not sent"
    return found[0] if len(set(found)) == 1 else " / ".join(found)


def title_of(name: str, packages: Sequence[str]) -> str:
    """Return the name with the version of its first package."""
    version = packages[0].partition("==")[2] if packages else ""
    return f"{name} {version}".strip()
