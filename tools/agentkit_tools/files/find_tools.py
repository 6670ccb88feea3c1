"""Tools that find files and lines inside one folder.

In:  the folder.
Out: `find_tools(folder)`: `glob_files`, `grep_files`, `file_tree`.

All are sync: they run in worker threads. Patterns of a model are matched in linear time.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, TypeVar

from pydantic import Field

from agentkit import Tool, ToolError, ToolResult, tool
from agentkit.json_schema.pattern import has_match, is_supported
from agentkit.tools.tool_options import ToolOptions
from agentkit_tools.files.folder import Folder, PathFault
from agentkit_tools.files.visit import bounded, text_at
from agentkit_tools.text_result import text_result

_MAX_LISTED = 300
_MAX_MATCHES = 100
_MAX_TREE_LINES = 300
_MAX_VISITED = 20_000
_MAX_READ_BYTES = 2_000_000
_MAX_LINE = 300
_MAX_SEARCHED_LINE = 2_000

ItemT = TypeVar("ItemT")
FolderPath = Annotated[str, Field(examples=[".", "docs"])]
Glob = Annotated[str, Field(examples=["**/*.py", "docs/*.md"], min_length=1, max_length=200)]
Offset = Annotated[int, Field(ge=0)]

_GLOB_PARTS = re.compile(r"(\*\*/|\*\*|\*|\?|\[[^]/]+\])")
_GLOB_MEANINGS = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")
_READS = ToolOptions(read_only=True, idempotent=True, open_world=False, tags=("files",))


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFiles:
    """Files whose path fits a pattern; `next_offset` if there are more."""

    paths: list[str]
    next_offset: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLine:
    """A line of a file; a long one is cut."""

    path: str
    line: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLines:
    """Lines that match; `next_offset` if there are more."""

    lines: list[FoundLine]
    next_offset: int | None


def find_tools(folder: Folder) -> tuple[Tool, ...]:
    """Return the tools, which do not reach beyond `folder`."""
    finder = _Finder(folder=folder)
    found = (finder.glob_files, finder.grep_files, finder.file_tree)
    return tuple(tool(each, **_READS) for each in found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finder:
    """The tools, bound to their folder."""

    folder: Folder

    def glob_files(self, pattern: Glob, offset: Offset = 0) -> Annotated[ToolResult, FoundFiles]:
        """List the files whose path fits a pattern.

        Args:
            pattern: * and ? stay within a folder, ** crosses folders, [ab] is one of some.
            offset: how many files to leave out first.
        """
        wanted = _compile_glob(pattern)
        found = (path for path in self._files(".") if has_match(wanted, path))
        paths, next_offset = _page(found, offset, _MAX_LISTED)
        text = _text(paths, next_offset) or f"[no file fits {pattern!r}]"
        return text_result(text, FoundFiles(paths=paths, next_offset=next_offset))

    def grep_files(
        self,
        pattern: Annotated[str, Field(min_length=1, max_length=500, examples=["def \\w+_total"])],
        path: FolderPath = ".",
        glob: Glob = "**",
        offset: Offset = 0,
    ) -> Annotated[ToolResult, FoundLines]:
        """List the lines that a regular expression matches.

        Args:
            pattern: a regular expression without look-around and back references; case matters.
            path: the folder to look in, "." for all.
            glob: which files to look into, as in glob_files.
            offset: how many lines to leave out first.
        """
        if not is_supported(pattern):
            raise ToolError(
                f"{pattern!r} cannot be used: it is invalid, or has look-around, "
                "back references or too many repetitions."
            )
        wanted = _compile_glob(glob)
        hits = self._hits(pattern, path, wanted)
        lines, next_offset = _page(hits, offset, _MAX_MATCHES)
        shown = [f"{each.path}:{each.line}: {each.text}" for each in lines]
        text = _text(shown, next_offset) or f"[no line matches {pattern!r}]"
        return text_result(text, FoundLines(lines=lines, next_offset=next_offset))

    def file_tree(
        self,
        path: FolderPath = ".",
        depth: Annotated[int, Field(ge=1, le=10)] = 3,
    ) -> str:
        """Show the folders and files below a folder as an indented tree.

        Args:
            path: the folder to begin with, "." for all.
            depth: how many levels to show.
        """
        top = len(self._names(path))
        lines: list[str] = []
        hidden: dict[str, int] = {}
        with _faults_for_the_model(), closing(self.folder.walk(path)) as walk:
            entries = sorted(
                (entry.path.split("/"), entry.is_folder)
                for entry, _, _ in bounded(walk, _MAX_VISITED)
            )
        for names, is_folder in entries:
            level = len(names) - top
            if level <= depth:
                lines.append(f"{'  ' * (level - 1)}{names[-1]}{'/' if is_folder else ''}")
            else:
                parent = "/".join(names[: top + depth])
                hidden[parent] = hidden.get(parent, 0) + 1
        if len(lines) > _MAX_TREE_LINES:
            lines[_MAX_TREE_LINES:] = ["[cut here; name a folder further down]"]
        if hidden:
            lines.append(f"[{sum(hidden.values())} more further down; raise depth to see them]")
        return "\n".join(lines) or f"[{path} is empty]"

    def _files(self, path: str) -> Iterator[str]:
        """Yield the paths of the files below a folder."""
        with _faults_for_the_model(), closing(self.folder.walk(path)) as walk:
            for entry, _, _ in bounded(walk, _MAX_VISITED):
                if not entry.is_folder:
                    yield entry.path

    def _hits(self, pattern: str, path: str, wanted: str) -> Iterator[FoundLine]:
        """Yield the lines that match."""
        with _faults_for_the_model(), closing(self.folder.walk(path)) as walk:
            for entry, parent, name in bounded(walk, _MAX_VISITED):
                if entry.is_folder or not has_match(wanted, entry.path):
                    continue
                content = text_at(parent, name, max_bytes=_MAX_READ_BYTES) or ""
                for number, line in enumerate(content.splitlines(), start=1):
                    if has_match(pattern, line[:_MAX_SEARCHED_LINE]):
                        text = line[:_MAX_LINE].rstrip()
                        yield FoundLine(path=entry.path, line=number, text=text)

    def _names(self, path: str) -> list[str]:
        with _faults_for_the_model():
            return self.folder.names(path)


def _page(found: Iterator[ItemT], offset: int, count: int) -> tuple[list[ItemT], int | None]:
    """Return some items, and the offset of the next ones if there are any."""
    page = list(islice(found, offset, offset + count + 1))
    return page[:count], offset + count if len(page) > count else None


def _text(lines: Sequence[str], next_offset: int | None) -> str:
    """Return lines as a model reads them, with the way to get the next ones."""
    more = [] if next_offset is None else [f"[cut; go on with offset={next_offset}]"]
    return "\n".join([*lines, *more])


def _compile_glob(pattern: str) -> str:
    """Return a regular expression for the paths that fit, to be matched in linear time."""
    translated = []
    for part in _GLOB_PARTS.split(pattern.removeprefix("./")):
        if part.startswith("[") and len(part) > 1:
            inner = re.sub(r"([\\\[\]&~^])", r"\\\1", part[1:-1].removeprefix("!"))
            translated.append(f"[{'^/' if part[1] == '!' else ''}{inner}]")
        else:
            translated.append(_GLOB_MEANINGS.get(part) or _SPECIAL.sub(r"\\\g<0>", part))
    expression = f"(?s)^(?:{''.join(translated)})$"
    if not is_supported(expression):
        raise ToolError(f"{pattern!r} is no pattern for files; write e.g. **/*.py.")
    return expression


@contextmanager
def _faults_for_the_model() -> Iterator[None]:
    """Turn a `PathFault` into an error result for the model."""
    try:
        yield
    except PathFault as fault:
        raise ToolError(f"{fault}.") from fault
