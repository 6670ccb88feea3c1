"""Change a text exactly: by replacement, or by a unified diff.

In:  the text of a file, and the change as a model wrote it.
Out: the new text, or an `EditFault` that says why the change does not fit.

A change is never guessed: what is to be replaced must be in the text, and in one place only.
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@")
_HEADERS = ("--- ", "+++ ", "diff ", "index ", "new file ", "old mode ", "new mode ")
_MAX_SHOWN_CHARACTERS = 4_000


class EditFault(Exception):  # noqa: N818 - not an error of the program: the change does not fit
    """A change cannot be made; the message says why and what to do."""


@dataclass(slots=True, kw_only=True)
class _Hunk:
    """One part of a diff: `line` is where it begins in the old text, counted from 1."""

    line: int
    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)


def replace_text(text: str, old: str, new: str, *, replace_all: bool) -> str:
    """Replace a part of a text.

    Args:
        text: what is in the file.
        old: the part to replace, exactly as it is there; not empty.
        new: what to put in its place.
        replace_all: replace each occurrence; otherwise there must be one.

    Raises:
        EditFault: `old` is not there, or more than once.
    """
    if "\r\n" in text and "\r\n" not in old:
        old, new = old.replace("\n", "\r\n"), new.replace("\r\n", "\n").replace("\n", "\r\n")
    count = text.count(old)
    if count == 0:
        raise EditFault(f"old_text is not in the file{_hint(text, old)}")
    if count > 1 and not replace_all:
        lines = ", ".join(str(line) for line in _lines_of(text, old))
        raise EditFault(
            f"old_text is in the file {count} times, on the lines {lines}; add lines around it, "
            "or set replace_all"
        )
    return text.replace(old, new)


def apply_diff(text: str, diff: str) -> str:
    """Apply a unified diff of one file.

    The numbers of its lines are hints: a hunk fits where its context is, if that is one place.

    Raises:
        EditFault: it has no hunk, or a hunk fits nowhere or in several places.
    """
    hunks = list(_hunks(diff))
    if not hunks:
        raise EditFault("the diff has no hunk; write '@@ -1,3 +1,4 @@' and the lines after it")
    return _apply(text, hunks)


def is_applied(text: str, diff: str) -> bool:
    """Return whether a text shows that a diff was applied: only its inverse fits."""
    hunks = list(_hunks(diff))
    inverse = [_Hunk(line=hunk.line, old=hunk.new, new=hunk.old) for hunk in hunks]
    return not _can_apply(text, hunks) and _can_apply(text, inverse)


def _can_apply(text: str, hunks: Sequence[_Hunk]) -> bool:
    try:
        _apply(text, hunks)
    except EditFault:
        return False
    return True


def _apply(text: str, hunks: Sequence[_Hunk]) -> str:
    lines = text.splitlines(keepends=True)
    ending = "\r\n" if "\r\n" in text else "\n"
    shift, begin = 0, 0
    for number, hunk in enumerate(hunks, start=1):
        stripped = [line.rstrip("\r\n") for line in lines]
        at = _place(stripped, hunk, hint=hunk.line - 1 + shift, begin=begin, number=number)
        end = at + len(hunk.old)
        is_end = end == len(lines) and bool(lines) and not lines[-1].endswith("\n")
        changed = [f"{line}{ending}" for line in hunk.new]
        if is_end and at == len(lines):
            lines[-1] += ending
        elif is_end and changed:
            changed[-1] = changed[-1].removesuffix(ending)
        lines[at:end] = changed
        shift += len(hunk.new) - len(hunk.old)
        begin = at + len(hunk.new)
    return "".join(lines)


def describe_change(path: str, before: str, after: str) -> str:
    """Return a unified diff of a change, cut if it is long."""
    diff = "".join(
        line if line.endswith("\n") else f"{line}\n"
        for line in difflib.unified_diff(
            before.splitlines(keepends=True),
            after.splitlines(keepends=True),
            fromfile=f"a/{path}",
            tofile=f"b/{path}",
            n=2,
        )
    )
    if len(diff) > _MAX_SHOWN_CHARACTERS:
        diff = f"{diff[:_MAX_SHOWN_CHARACTERS]}\n[cut here; read the file for the rest]"
    return diff


def _hunks(diff: str) -> Iterator[_Hunk]:
    hunk = None
    for line in diff.splitlines():
        found = _HUNK.match(line)
        if found is not None:
            if hunk is not None:
                yield hunk
            hunk = _Hunk(line=int(found[1]))
        elif hunk is None or line.startswith("\\"):
            if hunk is None and line.strip() and not line.startswith(_HEADERS):
                raise EditFault(f"the diff has a line before its first '@@ … @@': {line[:80]!r}")
        elif line.startswith("+"):
            hunk.new.append(line[1:])
        elif line.startswith("-"):
            hunk.old.append(line[1:])
        else:  # models leave out the space of an empty line
            hunk.old.append(line[1:])
            hunk.new.append(line[1:])
    if hunk is not None:
        yield hunk


def _place(lines: Sequence[str], hunk: _Hunk, *, hint: int, begin: int, number: int) -> int:
    """Return the line at which a hunk fits."""
    if not hunk.old:
        if hint + 1 > len(lines):
            raise EditFault(f"hunk {number} begins after the end of the file")
        return max(begin, hint + 1)
    size = len(hunk.old)
    fits = [at for at in range(begin, len(lines) - size + 1) if lines[at : at + size] == hunk.old]
    if hint in fits:
        return hint
    if not fits:
        raise EditFault(
            f"hunk {number} does not fit: its lines without '+' must be in the file as they are, "
            f"from {hunk.old[0][:80]!r} on; read the file again"
        )
    if len(fits) > 1:
        places = ", ".join(str(at + 1) for at in fits[:10])
        raise EditFault(f"hunk {number} fits at the lines {places}; add lines of context")
    return fits[0]


def _hint(text: str, old: str) -> str:
    """Return what is close to a text that was not found."""
    first = old.strip().splitlines()[0].strip() if old.strip() else ""
    for number, line in enumerate(text.splitlines(), start=1):
        if first and first == line.strip():
            return f"; line {number} is like its first line, but spaces or later lines differ"
    return "; read the file and copy the text exactly"


def _lines_of(text: str, part: str) -> Iterator[int]:
    """Yield the first lines on which a part of a text is."""
    at = text.find(part)
    for _ in range(10):
        if at < 0:
            return
        yield text.count("\n", 0, at) + 1
        at = text.find(part, at + len(part))
