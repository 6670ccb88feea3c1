"""Untrusted text on a terminal."""

import io
import sys

import pytest

from agentkit.cli.terminal import (
    decode_word,
    escape_controls,
    note,
    prepare_streams,
    shorten,
    write,
)


def test_signs_that_steer_a_terminal_are_made_visible() -> None:
    """Escape sequences, carriage returns and signs that turn the direction of writing."""
    assert escape_controls("a\x1b[2Jb\rc\x9bd\u202ee") == "a\\x1b[2Jb\\x0dc\\x9bd\\u202ee"
    assert escape_controls("line\n\ttab é 東京") == "line\n\ttab é 東京"


def test_long_text_is_cut_to_one_line_and_says_so() -> None:
    """The length of the text is shown."""
    assert shorten("a\nb  c", 10) == "a b c"
    assert shorten("x" * 2000, 5) == "xxxxx… (2,000 characters)"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_an_answer_is_escaped_on_a_terminal_and_unchanged_in_a_pipe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What reads from a pipe gets what the model wrote."""
    write("\x1b[2J")
    assert capsys.readouterr().out == "\x1b[2J"

    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    write("\x1b[2J")
    assert terminal.getvalue() == "\\x1b[2J"


def test_notes_go_to_standard_error_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """No markup is read out of them, and long lines are not wrapped."""
    note("[bold]x[/bold] :smile: " + "y" * 300)

    shown = capsys.readouterr()
    assert shown.err == "[bold]x[/bold] :smile: " + "y" * 300 + "\n"
    assert shown.out == ""


def test_streams_of_any_encoding_take_any_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sign that the encoding lacks is written as an escape."""
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    monkeypatch.setattr(sys, "stderr", io.StringIO())

    prepare_streams()
    narrow.write("é\ud800")
    narrow.flush()

    assert narrow.buffer.getvalue() == b"\\xe9\\ud800"


def test_bytes_that_are_not_text_are_read_as_replacement_characters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From standard input, and as a word of the command line."""
    latin = io.TextIOWrapper(io.BytesIO("caf\u00e9".encode("latin-1")), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", latin)

    prepare_streams()

    assert sys.stdin.read() == "caf\ufffd"
    assert decode_word("caf\udce9 \u00e9") == "caf\ufffd \u00e9"
