"""Write an answer to standard output as it arrives.

In:  pieces of an answer's text.
Out: plain text in a pipe, rendered Markdown on a terminal.
"""

from typing import Protocol

from agentkit import cli
from agentkit.cli.terminal import answer_console, write


class AnswerWriter(Protocol):
    """Writes one answer after the other."""

    def write(self, text: str) -> None:
        """Write a piece of the current answer."""

    def pause(self) -> None:
        """Make room for a note on the terminal, in the middle of an answer."""

    def end(self) -> None:
        """Complete the current answer and end its line."""


def answer_writer(*, is_raw: bool = False) -> AnswerWriter:
    """Return the writer for standard output."""
    console = answer_console()
    if is_raw or not console.is_terminal or console.is_dumb_terminal:
        return PlainWriter()
    # It loads a parser and a highlighter, which a pipe does not need.
    writer: AnswerWriter = cli.markdown_writer.MarkdownWriter(console)
    return writer


class PlainWriter:
    """Writes text as it is; on a terminal with control characters escaped."""

    def __init__(self) -> None:
        self._is_line_open = False

    def write(self, text: str) -> None:
        """Write a piece at once."""
        if text:
            write(text)
            self._is_line_open = not text.endswith("\n")

    def pause(self) -> None:
        """Do nothing: a piece that is written stays."""

    def end(self) -> None:
        """End the line if it is open."""
        if self._is_line_open:
            write("\n")
        self._is_line_open = False


class SilentWriter:
    """Writes nothing: the answer is printed at the end, as JSON."""

    def write(self, text: str) -> None:
        """Ignore the piece."""

    def pause(self) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""
