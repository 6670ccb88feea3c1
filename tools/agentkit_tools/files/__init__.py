"""Read, list, search, write and edit files inside one folder.

In:  the folder.
Out: `files(root)`: `read_file`, `list_files`, `search_files`, the tools of `find_tools`; if
     allowed, `write_file` and the tools of `edit_tools`.

All are sync: they run in worker threads. What they may touch is decided in `folder`.
"""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Annotated

from pydantic import Field

from agentkit import Tool, ToolError, ToolResult, tool
from agentkit.tools.tool_options import Decision, ToolOptions
from agentkit_tools.files.edit_tools import edit_tools
from agentkit_tools.files.find_tools import FoundLine, find_tools
from agentkit_tools.files.folder import Entry, Folder, PathFault
from agentkit_tools.files.text import decode_text, describe_bytes
from agentkit_tools.files.undo_log import FileChange, UndoLog
from agentkit_tools.files.visit import bounded, text_at
from agentkit_tools.text_result import text_result

__all__ = ["Folder", "files"]

MAX_READ_BYTES = 2_000_000
MAX_WRITE_BYTES = 2_000_000
MAX_SHOWN_CHARACTERS = 50_000
MAX_LISTED = 300
MAX_MATCHES = 100
MAX_VISITED = 20_000
_MAX_LINE = 300

RelativePath = Annotated[str, Field(examples=["notes.txt", "docs/plan.md"])]
FolderPath = Annotated[str, Field(examples=[".", "docs"])]
Pattern = Annotated[str, Field(examples=["*", "*.md", "docs/*.txt"], max_length=200)]

_READS = ToolOptions(read_only=True, idempotent=True, open_world=False, tags=("files",))


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFiles:
    """Files and folders; `is_cut` if there are more."""

    entries: list[Entry]
    is_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedLines:
    """Lines that hold a text; `is_cut` if there are more, and how many files are not searchable."""

    lines: list[FoundLine]
    is_cut: bool
    not_searchable: int


def files(
    root: str | Path, *, allow_write: bool = False, approval: Decision = "ask"
) -> tuple[Tool, ...]:
    """Return tools for the files below `root`, which they cannot leave.

    Args:
        root: an existing folder.
        allow_write: whether the tools that change files are among them.
        approval: whether each call of these tools needs approval.

    Raises:
        ConfigError: `root` is not a folder.
    """
    folder, log = Folder.at(Path(root)), UndoLog()
    cabinet = _Cabinet(folder=folder, log=log)
    reading = (cabinet.read_file, cabinet.list_files, cabinet.search_files)
    tools: list[Tool] = [tool(each, **_READS) for each in reading]
    tools += find_tools(folder)
    if allow_write:
        writes = ToolOptions(
            approval=approval, idempotent=True, open_world=False, tags=("files", "write")
        )
        tools.append(tool(cabinet.write_file, **writes))
        tools += edit_tools(folder, log, approval=approval)
    return tuple(tools)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cabinet:
    """The tools, bound to their folder."""

    folder: Folder
    log: UndoLog

    def read_file(self, path: RelativePath, first_line: Annotated[int, Field(ge=1)] = 1) -> str:
        """Read a text file.

        Args:
            path: the file, relative to the folder, e.g. "notes.txt".
            first_line: the line to begin with, counted from 1; for files too long for one answer.
        """
        with _path_errors_for_the_model():
            data, size = self.folder.read(path, max_bytes=MAX_READ_BYTES)
        text = decode_text(data, is_complete=size <= len(data))
        if text is None:
            raise ToolError(f"{path!r} is not text but {describe_bytes(data)} of {size:,} bytes.")
        lines = text.splitlines(keepends=True)
        if first_line > max(len(lines), 1):
            raise ToolError(f"{path!r} has {len(lines)} lines; first_line is {first_line}.")
        shown = "".join(lines[first_line - 1 :])
        if len(shown) > MAX_SHOWN_CHARACTERS:
            shown = shown[:MAX_SHOWN_CHARACTERS]
            last = first_line + shown.count("\n")
            return f"{shown}\n[cut here; go on with first_line={last} of {len(lines)}]"
        if size > len(data):
            return f"{shown}\n[cut here: of {size:,} bytes, {len(data):,} can be read]"
        return shown or f"[{path} is empty]"

    def list_files(
        self, path: FolderPath = ".", pattern: Pattern = "*"
    ) -> Annotated[ToolResult, ListedFiles]:
        """List the files in a folder and in the folders below it, with their sizes.

        Args:
            path: the folder to look in, "." for all.
            pattern: which names to list, with * and ?, e.g. "*.md".
        """
        with _path_errors_for_the_model(), closing(self.folder.walk(path)) as walk:
            found = (entry for entry, _, _ in bounded(walk, MAX_VISITED) if _fits(entry, pattern))
            entries = list(islice(found, MAX_LISTED + 1))
        listed = ListedFiles(entries=entries[:MAX_LISTED], is_cut=len(entries) > MAX_LISTED)
        lines = [_format_entry(entry) for entry in listed.entries]
        if listed.is_cut:
            lines.append(f"[cut: there are more than {MAX_LISTED}; narrow the path or the pattern]")
        return text_result("\n".join(lines) or f"[nothing in {path!r} fits {pattern!r}]", listed)

    def search_files(
        self,
        text: Annotated[str, Field(min_length=1, max_length=200)],
        path: FolderPath = ".",
        pattern: Pattern = "*",
    ) -> Annotated[ToolResult, SearchedLines]:
        """Search for text in the files of a folder and of those below it; case does not matter.

        Args:
            text: the words to find, as they are in the file.
            path: the folder to look in, "." for all.
            pattern: which files to look into, with * and ?, e.g. "*.md".
        """
        wanted = re.compile(re.escape(text), re.IGNORECASE)
        skipped = 0
        hits: list[FoundLine] = []
        with _path_errors_for_the_model(), closing(self.folder.walk(path)) as walk:
            for entry, parent, name in bounded(walk, MAX_VISITED):
                if entry.is_folder or not _fits(entry, pattern):
                    continue
                content = text_at(parent, name, max_bytes=MAX_READ_BYTES)
                if content is None:
                    skipped += 1
                    continue
                hits += islice(_hits(entry.path, content, wanted), MAX_MATCHES + 1 - len(hits))
                if len(hits) > MAX_MATCHES:
                    break
        is_cut = len(hits) > MAX_MATCHES
        found = SearchedLines(lines=hits[:MAX_MATCHES], is_cut=is_cut, not_searchable=skipped)
        shown = [f"{each.path}:{each.line}: {each.text}" for each in found.lines]
        if is_cut:
            shown.append(f"[cut: more than {MAX_MATCHES} lines; search for less]")
        if skipped:
            note = f"[not searchable: {skipped} that are not text, too large or not readable]"
            shown.append(note)
        return text_result("\n".join(shown) or f"[{text!r} was not found in {path!r}]", found)

    def write_file(self, path: RelativePath, content: str, overwrite: bool = False) -> str:  # noqa: FBT001, FBT002 - a model names its arguments
        """Write a text file; folders that are missing are made.

        Args:
            path: the file, relative to the folder, e.g. "docs/summary.md".
            content: the complete text of the file.
            overwrite: whether a file that exists already may be replaced.
        """
        try:
            data = content.encode()
        except UnicodeEncodeError as error:
            raise ToolError(f"The content cannot be stored as UTF-8: {error.reason}.") from error
        if len(data) > MAX_WRITE_BYTES:
            raise ToolError(
                f"The content has {len(data):,} bytes; {MAX_WRITE_BYTES:,} are allowed."
            )
        before: bytes | None = None
        is_kept = True
        if overwrite:
            try:
                before = self.folder.content(path)
            except PathFault:  # it cannot be written either, or is too large to be kept
                is_kept = False
        with _path_errors_for_the_model():
            replaced = self.folder.write(path, data, overwrite=overwrite)
        if is_kept:
            self.log.add(FileChange(path=path, before=before, after=data))
        return f"{'Replaced' if replaced else 'Wrote'} {path} ({len(data):,} bytes)."


@contextmanager
def _path_errors_for_the_model() -> Iterator[None]:
    """Turn a `PathFault` into an error result for the model."""
    try:
        yield
    except PathFault as fault:
        raise ToolError(f"{fault}.") from fault


def _fits(entry: Entry, pattern: str) -> bool:
    """Match the name or the complete path; `**/` also matches no folder."""
    name = entry.path.rpartition("/")[2]
    simple = pattern.removeprefix("**/")
    return any(fnmatchcase(text, simple) for text in (name, entry.path))


def _format_entry(entry: Entry) -> str:
    return f"{entry.path}/" if entry.is_folder else f"{entry.path} ({entry.size_bytes:,} bytes)"


def _hits(path: str, content: str, wanted: re.Pattern[str]) -> Iterator[FoundLine]:
    for number, line in enumerate(content.splitlines(), start=1):
        found = wanted.search(line)
        if found is not None:
            start = max(0, found.start() - _MAX_LINE // 2)
            shown = line[start : start + _MAX_LINE].strip()
            yield FoundLine(path=path, line=number, text=shown)
