"""A quiet sign on standard error that something is being waited for.

In:  what is waited for.
Out: one line that is drawn over and over, only on a terminal, and only if the wait takes long.

The cursor stays at the beginning of the line, so whatever is written next replaces the sign; see
`agentkit.cli.terminal.note`.
"""

import anyio

from agentkit.cli.terminal import escape_controls, has_cursor, notes_console, write_note

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_ASCII_FRAMES = "|/-\\"
_FRAME_SECONDS = 0.1
_DELAY_FRAMES = 5
_CLEAR_LINE = "\x1b[K"


class Indicator:
    """Shows what is waited for; `animate` runs during the run."""

    def __init__(self) -> None:
        console = notes_console()
        self._is_enabled = has_cursor(console)
        self._width = console.width
        can_draw = (console.encoding or "").lower().startswith("utf")
        self._frames = _FRAMES if can_draw else _ASCII_FRAMES
        self._label = ""
        self._frame = 0
        self._is_drawn = False

    def show(self, label: str) -> None:
        """Begin to show `label`, after a short delay."""
        self._label, self._frame = escape_controls(label), 0

    def hide(self) -> None:
        """Remove the sign, before anything else is written."""
        self._label = ""
        if self._is_drawn:
            self._is_drawn = False
            write_note(_CLEAR_LINE)

    async def animate(self) -> None:
        """Draw the sign until cancelled."""
        if not self._is_enabled:
            return
        while True:
            await anyio.sleep(_FRAME_SECONDS)
            self._frame += 1
            if self._label and self._frame > _DELAY_FRAMES:
                sign = self._frames[self._frame % len(self._frames)]
                line = f"{sign} {self._label}"[: self._width - 1]
                self._is_drawn = True
                write_note(f"\x1b[2m{line}\x1b[0m{_CLEAR_LINE}\r")
