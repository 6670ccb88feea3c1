"""Write an answer to a terminal as rendered Markdown, as it arrives.

In:  pieces of an answer's text.
Out: rendered blocks on standard output, wrapped between words.

A block, such as a paragraph, a list or a table, can be rendered when it is complete. Until then its
text is shown below and replaced, if the cursor may be moved.
"""

import re
import time
from typing import ClassVar

from markdown_it import MarkdownIt
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.markdown import Heading, Markdown, MarkdownElement
from rich.text import Text

from agentkit.cli.terminal import escape_controls, has_cursor, write_rendered

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_LIST_ITEM = re.compile(r"([-*+]|\d{1,9}[.)])(\s|$)")
_REFRESH_SECONDS = 0.1
_CODE_THEME = "ansi_dark"


class MarkdownWriter:
    """Renders complete blocks, and shows the text of the block that is arriving."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._can_redraw = has_cursor(console)
        self._live: Live | None = None
        self._pending = ""
        self._has_written = False
        self._drawn_at = 0.0

    def write(self, text: str) -> None:
        """Take a piece; render what is complete now."""
        self._pending += text
        complete = complete_blocks(self._pending) if "\n" in text else 0
        if complete:
            self._render(self._pending[:complete])
            self._pending = self._pending[complete:]
        self._draw_pending()

    def pause(self) -> None:
        """Remove the text of the block that is arriving; it is drawn again with the next piece."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def end(self) -> None:
        """Render what is left."""
        self._render(self._pending)
        self._pending, self._has_written = "", False

    def _render(self, text: str) -> None:
        self.pause()
        if not text.strip():
            return
        with self._console.capture() as captured:
            if self._has_written:
                self._console.print()
            self._console.print(render_markdown(text))
        lines = (line.rstrip() for line in captured.get().rstrip("\n").split("\n"))
        write_rendered("\n".join(lines) + "\n")
        self._has_written = True

    def _draw_pending(self) -> None:
        """Show the last lines of the block that is arriving, not more often than can be seen."""
        now = time.monotonic()
        if not self._can_redraw or not self._pending.strip():
            return
        if self._live is not None and now - self._drawn_at < _REFRESH_SECONDS:
            return
        self._drawn_at = now
        if self._live is None:
            # Its thread for redrawing is not used, and neither is its capture of both streams.
            self._live = Live(
                console=self._console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        self._live.update(_LastLines(escape_controls(self._pending.lstrip("\n"))), refresh=True)


class _LastLines:
    """The last lines of a text that fit on the terminal: what is above could not be replaced."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = Text(self._text).wrap(console, options.max_width)
        height = max(1, console.height - 2)
        yield from lines[-height:]


def complete_blocks(text: str) -> int:
    """Return how many characters at the beginning of `text` are complete blocks of Markdown.

    A block ends at an empty line that is followed by an unindented line which does not continue it,
    as the next item of a list would, and never inside a fence.
    """
    position = complete = 0
    fence = ""
    is_list = is_after_empty = False
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines.pop()  # more of this line may arrive
    for line in lines:
        is_item = _LIST_ITEM.match(line) is not None
        if not fence and is_after_empty and line.strip() and not line[0].isspace():
            if not (is_list and is_item):
                complete, is_list = position, is_item
        elif not fence and is_item and not is_list:
            is_list = complete == position
        found = _FENCE.match(line)
        if found is not None and (not fence or found[1].startswith(fence)):
            fence = "" if fence else found[1]
        is_after_empty = not line.strip() and not fence
        position += len(line)
    return complete


class _PlainHeading(Heading):
    """A heading at the left margin; rich draws a box around the first level."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.text.justify = "left"
        yield self.text


class _AnswerMarkdown(Markdown):
    """Markdown of a model: HTML is shown as text, and a link with its address."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": _PlainHeading,
    }


def render_markdown(text: str) -> Markdown:
    """Return Markdown that can be printed on a terminal."""
    text = escape_controls(text)
    rendered = _AnswerMarkdown(text, hyperlinks=False, code_theme=_CODE_THEME)
    # rich drops HTML without a word. A link's text must not hide where it leads.
    parser = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"])
    rendered.parsed = parser.parse(text)
    return rendered
