"""Lines that a person types, with editing and a history kept in a file.

In:  a terminal.
Out: a function that reads the next line.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

import typer
from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from agentkit.cli.terminal import note


def terminal_reader(folder: Path | None = None) -> Callable[[], Awaitable[str | None]]:
    """Return a reader of lines; Alt-Enter begins a new line, Ctrl-D gives None.

    Args:
        folder: where the typed lines are kept; left out, the user's own folder for programs.
    """
    session: PromptSession[str] = PromptSession(history=_open_history(folder))

    async def read_line() -> str | None:
        while True:
            try:
                return await session.prompt_async("> ")
            except EOFError:
                return None
            except KeyboardInterrupt:
                note("Ctrl-D ends the conversation.", style="dim")

    return read_line


def _open_history(folder: Path | None) -> History:
    """Keep what is typed in a file of the user alone; without one, only for this time."""
    folder = folder or Path(typer.get_app_dir("agentkit"))
    path = folder / "chat_history"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        note(f"What you type is not kept: {path} cannot be used ({error.strerror}).", style="dim")
        return InMemoryHistory()
    return FileHistory(str(path))
