"""Tools that change files inside one folder.

In:  the folder.
Out: `edit_tools(folder)`: `edit_file`, `apply_diff`, `move_file`, `delete_file`, `undo_change`.

Each change is recorded in an undo log, and each returns the change as a diff or in a sentence. All
are sync: they run in worker threads.
"""

import codecs
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from agentkit import Tool, ToolError, tool
from agentkit.tools.tool_options import Decision
from agentkit_tools.files.folder import Folder, PathFault
from agentkit_tools.files.text import decode_text, describe_bytes
from agentkit_tools.files.text_edit import (
    EditFault,
    apply_diff,
    describe_change,
    is_applied,
    replace_text,
)
from agentkit_tools.files.undo_log import FileChange, UndoLog

MAX_EDIT_BYTES = 2_000_000

RelativePath = Annotated[str, Field(examples=["notes.txt", "docs/plan.md"])]


def edit_tools(folder: Folder, log: UndoLog, *, approval: Decision) -> tuple[Tool, ...]:
    """Return the tools.

    Args:
        folder: no tool reaches beyond it.
        log: what the changes are recorded in.
        approval: whether each call needs approval.
    """
    editor = _Editor(folder=folder, log=log)
    outcomes: tuple[tuple[Callable[..., str], Callable[..., str | None] | None], ...] = (
        (editor.edit_file, editor.find_edit),
        (editor.apply_diff, editor.find_diff),
        (editor.move_file, editor.find_move),
        (editor.delete_file, editor.find_delete),
        (editor.undo_change, None),
    )
    return tuple(
        tool(
            function,
            open_world=False,
            approval=approval,
            tags=("files", "write"),
            find_outcome=find_outcome,
        )
        for function, find_outcome in outcomes
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Editor:
    """The tools, bound to their folder."""

    folder: Folder
    log: UndoLog

    def edit_file(
        self,
        path: RelativePath,
        old_text: Annotated[str, Field(min_length=1)],
        new_text: str,
        replace_all: bool = False,  # noqa: FBT001, FBT002 - a model names its arguments
    ) -> str:
        """Replace a part of a text file exactly, and return the change.

        Args:
            path: the file, relative to the folder.
            old_text: the text to replace, copied exactly from the file, with its spaces.
            new_text: the text to put in its place; empty to delete.
            replace_all: replace each occurrence; otherwise old_text must occur once.
        """
        with _faults_for_the_model():
            before, data = self._read(path)
            after = replace_text(before, old_text, new_text, replace_all=replace_all)
            return self._write(path, before, after, data)

    def apply_diff(self, path: RelativePath, diff: Annotated[str, Field(min_length=1)]) -> str:
        """Change a text file by a unified diff, and return the change.

        Args:
            path: the file, relative to the folder.
            diff: hunks that begin with "@@ -1,3 +1,4 @@"; their lines begin with " ", "-" or "+".
        """
        with _faults_for_the_model():
            before, data = self._read(path)
            return self._write(path, before, apply_diff(before, diff), data)

    def move_file(self, path: RelativePath, new_path: RelativePath) -> str:
        """Move or rename a file; a file that exists is never replaced.

        Args:
            path: the file, relative to the folder.
            new_path: where it goes; folders that are missing are made.
        """
        with _faults_for_the_model():
            data = self._content(path)
            self.folder.move(path, new_path)
        self.log.add(
            FileChange(path=path, before=data, after=None),
            FileChange(path=new_path, before=None, after=data),
        )
        return f"Moved {path} to {new_path}."

    def delete_file(self, path: RelativePath) -> str:
        """Delete a file. undo_change brings it back.

        Args:
            path: the file, relative to the folder.
        """
        with _faults_for_the_model():
            data = self._content(path)
            self.folder.remove(path)
        self.log.add(FileChange(path=path, before=data, after=None))
        return f"Deleted {path} ({len(data):,} bytes)."

    def undo_change(self) -> str:
        """Take back the last change that these tools made; call it again for the one before."""
        with _faults_for_the_model():
            return f"Restored {', '.join(self.log.undo(self.folder))}."

    def find_edit(self, _: object, arguments: Mapping[str, Any]) -> str | None:
        """Return that an earlier edit took effect, if the file shows it."""
        text, _data = self._read(arguments["path"])
        old, new = arguments["old_text"], arguments["new_text"]
        is_done = old not in text and bool(new) and new in text
        return f"Edited {arguments['path']} before." if is_done else None

    def find_diff(self, _: object, arguments: Mapping[str, Any]) -> str | None:
        """Return that an earlier diff took effect, if the file shows it."""
        text, _data = self._read(arguments["path"])
        is_done = is_applied(text, arguments["diff"])
        return f"Changed {arguments['path']} before." if is_done else None

    def find_move(self, _: object, arguments: Mapping[str, Any]) -> str | None:
        """Return that an earlier move took effect, if only the new file exists."""
        path, new_path = arguments["path"], arguments["new_path"]
        is_done = self.folder.content(path) is None and self.folder.content(new_path) is not None
        return f"Moved {path} to {new_path}." if is_done else None

    def find_delete(self, _: object, arguments: Mapping[str, Any]) -> str | None:
        """Return that an earlier call deleted the file, if it does not exist."""
        is_done = self.folder.content(arguments["path"]) is None
        return f"Deleted {arguments['path']}." if is_done else None

    def _content(self, path: str) -> bytes:
        data, size = self.folder.read(path, max_bytes=MAX_EDIT_BYTES)
        if size > len(data):
            raise PathFault(f"{path!r} has {size:,} bytes, too many to be brought back")
        return data

    def _read(self, path: str) -> tuple[str, bytes]:
        """Return the text of a file and its bytes."""
        data = self._content(path)
        text = decode_text(data, is_complete=True)
        if text is None or data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise PathFault(f"{path!r} is not text in UTF-8 but {describe_bytes(data)}")
        return text, data

    def _write(self, path: str, before: str, after: str, data: bytes) -> str:
        if before == after:
            raise EditFault("the change changes nothing")
        mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
        try:
            changed = mark + after.encode()
        except UnicodeEncodeError as error:
            raise EditFault(f"the new text cannot be stored as UTF-8: {error.reason}") from error
        if len(changed) > MAX_EDIT_BYTES:
            raise EditFault(f"the file would have more than {MAX_EDIT_BYTES:,} bytes")
        self.folder.write(path, changed, overwrite=True)
        self.log.add(FileChange(path=path, before=data, after=changed))
        return describe_change(path, before, after)


@contextmanager
def _faults_for_the_model() -> Iterator[None]:
    """Turn a fault into an error result for the model."""
    try:
        yield
    except (PathFault, EditFault) as fault:
        text = str(fault)
        raise ToolError(f"{text[:1].upper()}{text[1:]}.") from fault
