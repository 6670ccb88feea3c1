"""Text on the standard streams, safe to show on a terminal.

In:  text of models, tools and providers, all untrusted.
Out: the answer on standard output, everything else on standard error.

Text can steer a terminal by control characters and can look like something else by characters that
are invisible or change the direction of writing (Trojan Source, CVE-2021-42574). On a terminal all
of these are escaped.
"""

import io
import os
import re
import sys
from contextlib import suppress
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

# C0 and C1 controls but for line feed and tab, line and paragraph separators, half characters, and
# what Unicode calls default-ignorable: direction marks, zero-width characters, fillers, tags.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    # Joiners are part of Persian and Indic words, and of emoji; between ASCII
    # letters they are only there to hide.
    "|(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"
)
_WIDTH_WITHOUT_TERMINAL = 200
_UNLIMITED_WIDTH = 10_000
_CLEAR_LINE = "\x1b[K"


class StandardOutputError(Exception):
    """Standard output is closed or cannot be written to; the message is the system's reason."""


def escape_controls(text: str) -> str:
    """Return `text` with escapes in place of characters that steer a terminal or hide."""
    return _UNSAFE.sub(lambda found: _escape(ord(found[0])), text)


def escape_json(text: str) -> str:
    """Return a JSON text of the same value with escapes in place of such characters."""
    return _UNSAFE.sub(_json_escape, text)


def shorten(text: str, limit: int) -> str:
    """Return `text` as one line of at most `limit` characters, with the length if it is cut."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    return f"{line[:limit]}… ({len(text):,} characters)"


def prepare_streams() -> None:
    """Let all streams accept any text, whatever their encoding."""
    for stream, errors in (
        (sys.stdin, "replace"),
        (sys.stdout, "backslashreplace"),
        (sys.stderr, "backslashreplace"),
    ):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=errors)


def decode_word(word: str) -> str:
    """Return a word of the command line as text, with U+FFFD for bytes that are not UTF-8."""
    return word.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def has_color() -> bool:
    """Return whether styles may be used: not with `NO_COLOR` (https://no-color.org)."""
    return not os.environ.get("NO_COLOR")


def check_standard_output() -> None:
    """Check that there is a standard output, before work is done for it.

    Raises:
        StandardOutputError: it is closed.
    """
    if sys.stdout.closed or not sys.stdout.writable():
        raise StandardOutputError("it is closed")


def write(text: str) -> None:
    """Write a piece of the answer to standard output, at once; escaped on a terminal.

    Raises:
        BrokenPipeError: its reader is gone.
        StandardOutputError: it cannot be written to.
    """
    write_rendered(escape_controls(text) if sys.stdout.isatty() else text)


def write_rendered(text: str) -> None:
    """Write text that is already safe, e.g. with styles, to standard output, at once.

    Raises:
        BrokenPipeError: its reader is gone.
        StandardOutputError: it cannot be written to.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except io.UnsupportedOperation as error:
        raise StandardOutputError("it is closed") from error
    except OSError as error:
        raise StandardOutputError(error.strerror or str(error)) from error


def write_json(text: str) -> None:
    """Write a JSON text and a line end to standard output.

    Raises:
        BrokenPipeError: its reader is gone.
        StandardOutputError: it cannot be written to.
    """
    write(f"{escape_json(text)}\n")


def note(text: str, *, style: str = "") -> None:
    """Write a line to standard error; on a terminal in a style, wrapped between words."""
    console = notes_console()
    with console.capture() as captured:
        console.print(Text(escape_controls(text), style=style), soft_wrap=not console.is_terminal)
    # The line may hold an indicator; see `agentkit.cli.indicator`.
    write_note((_CLEAR_LINE if has_cursor(console) else "") + captured.get())


def write_note(text: str) -> None:
    """Write text to standard error as it is; a failure to do so does not end the command."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError):
        discard_buffered(sys.stderr)  # the answer is more important than the notes


def discard_buffered(stream: TextIO) -> None:
    """Let what a stream could not write go nowhere, so that it does not fail again at the end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def notes_console() -> Console:
    """Return a console on standard error."""
    return _console(stderr=True)


def answer_console() -> Console:
    """Return a console on standard output."""
    return _console(stderr=False)


def has_cursor(console: Console) -> bool:
    """Return whether the cursor of a console may be moved."""
    return console.is_terminal and not console.is_dumb_terminal and has_color()


def show_table(table: Table, *narrower: Table) -> None:
    """Write a table to standard output; in a pipe as wide as it needs to be.

    Args:
        table: the table to write.
        narrower: what to write in its place on a terminal where words of it would be broken, each
            narrower than the one before; the last one is written whatever the width.

    Raises:
        BrokenPipeError: its reader is gone.
        StandardOutputError: it cannot be written to.
    """
    check_standard_output()
    console = answer_console()
    if not console.is_terminal:
        console.width = _WIDTH_WITHOUT_TERMINAL
    tables = (table, *narrower)
    # Measured without a limit: otherwise the limit is the result.
    unlimited = console.options.update_width(_UNLIMITED_WIDTH)
    fitting = (
        each for each in tables if console.measure(each, options=unlimited).minimum <= console.width
    )
    chosen = next(fitting, tables[-1])
    with console.capture() as captured:
        console.print(chosen)
    lines = (line.rstrip() for line in captured.get().splitlines())
    write_rendered("\n".join(lines) + "\n")


def _console(*, stderr: bool) -> Console:
    return Console(
        stderr=stderr,
        highlight=False,
        markup=False,
        emoji=False,
        color_system="auto" if has_color() else None,
    )


def _escape(code: int) -> str:
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _json_escape(found: re.Match[str]) -> str:
    """Return JSON's escape of a character: of its UTF-16 code units."""
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))
