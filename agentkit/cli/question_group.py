"""Commands, and a question in place of a command.

In:  the words of the command line after the global options.
Out: the command to run: the one that is named, or `run` if the first word is a question.
"""

import difflib
import shutil
import sys
import textwrap
from typing import Any

from typer.core import TyperGroup

_RUN = "run"
_WIDTH = 80
_ERROR = "Error: "
"""What Typer writes before a message."""


class QuestionGroup(TyperGroup):
    """The commands of `agentkit`; a first word with white space in it is a question for `run`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the command and its arguments.

        A single unknown word is a mistyped command, never a question: that would send it to a
        model.
        """
        word = args[0]
        command = self.get_command(ctx, word)
        if command is not None:
            return word, command, args[1:]
        if len(word.split()) > 1:
            # A question that begins with a dash can only come after '--', which the parser took.
            escape = ["--"] if word.startswith("-") else []
            return _RUN, self.get_command(ctx, _RUN), [*escape, *args]
        close = difflib.get_close_matches(word, self.list_commands(ctx), n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
        ctx.fail(
            _wrapped(
                f"There is no command {word!r}.{hint} A question needs quotation marks around it, "
                f"or write: agentkit run {word!r}"
            )
        )
        return None, None, args  # never reached: `fail` raises


def _wrapped(message: str) -> str:
    """Return an error message with line ends between words, if it is for a terminal."""
    if not sys.stderr.isatty():
        return message
    width = min(shutil.get_terminal_size().columns, _WIDTH)
    lines = textwrap.fill(_ERROR + message, width=width, break_long_words=False)
    return lines.removeprefix(_ERROR)
