"""What is shown on a terminal, safe to show.

In:  text of models, tools and providers: strangers.
Out: the answer on standard output, all the rest on standard error, without the signs that steer a
     terminal.
"""

import sys
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

_KEPT = frozenset("\n\t")
_STEERING: Mapping[int, str] = {
    code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in _KEPT
}
# Signs that turn the direction of writing can make a line read as something else.
_TURNING: Mapping[int, str] = {
    code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
}
_SAFE: Mapping[int, str] = {**_STEERING, **_TURNING}
_WIDTH_WITHOUT_TERMINAL = 200


def escape_controls(text: str) -> str:
    """Make visible what would steer the terminal."""
    return text.translate(_SAFE)


def shorten(text: str, limit: int) -> str:
    """Return `text` in one line of at most `limit` characters, and how much was left out."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    return f"{line[:limit]}… ({len(text):,} characters)"


def prepare_streams() -> None:
    """Let all streams take any text, whatever their encoding."""
    for stream, errors in (
        (sys.stdin, "replace"),
        (sys.stdout, "backslashreplace"),
        (sys.stderr, "backslashreplace"),
    ):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=errors)


def decode_word(word: str) -> str:
    """Return a word of the command line as text; bytes that are none become a sign for that."""
    return word.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def write(text: str) -> None:
    """Put a piece of the answer on standard output, at once."""
    sys.stdout.write(escape_controls(text) if sys.stdout.isatty() else text)
    sys.stdout.flush()


def note(text: str, *, style: str = "") -> None:
    """Put a line on standard error, in a style where that is a terminal."""
    console = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
    console.print(Text(escape_controls(text), style=style))


def show_table(table: Table) -> None:
    """Put a table on standard output, as wide as it needs where that is no terminal."""
    width = None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL
    Console(highlight=False, markup=False, emoji=False, width=width).print(table)
