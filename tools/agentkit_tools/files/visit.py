"""Visit the files of a folder, within limits.

In:  what `Folder.walk` found.
Out: the entries up to a limit, and the text of each.
"""

from collections.abc import Iterable, Iterator

from agentkit import ToolError
from agentkit_tools.files.folder import Found, PathFault, read_at
from agentkit_tools.files.text import decode_text


def bounded(walk: Iterable[Found], limit: int) -> Iterator[Found]:
    """Yield the entries found.

    Raises:
        ToolError: there are more than `limit`.
    """
    for count, found in enumerate(walk):
        if count == limit:
            raise ToolError(
                f"There are more than {limit:,} files below; name a folder further down."
            )
        yield found


def text_at(parent: int, name: str, *, max_bytes: int) -> str | None:
    """Return the text of a file; None if it is not text, too large, or gone."""
    try:
        data, size = read_at(parent, name, max_bytes=max_bytes)
    except (OSError, PathFault):
        return None
    return decode_text(data, is_complete=True) if size <= len(data) else None
