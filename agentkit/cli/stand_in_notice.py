"""Say once a day that the sandbox is not a language model.

In:  the date of the last notice, in a file of the user.
Out: one short line on standard error.
"""

from datetime import UTC, datetime

from agentkit.cli.terminal import note
from agentkit.config.load import user_folder

_NOTICE = "The sandbox is not a language model; for real ones see 'agentkit providers'."


def note_stand_in() -> None:
    """Print the notice unless it was printed today."""
    today = datetime.now(UTC).date().isoformat()
    folder = user_folder()
    path = None if folder is None else folder / "stand_in_notice"
    try:
        if path is not None and path.read_text(encoding="utf-8").strip() == today:
            return
    except (OSError, UnicodeDecodeError):
        pass  # never printed, or the file is damaged
    note(_NOTICE, style="dim")
    if path is None:
        return
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(f"{today}\n", encoding="utf-8")
    except OSError:
        return  # a folder that cannot be written to: the notice comes again
