"""Look at a git repository, and commit to it.

In:  the top folder of a repository.
Out: `git(folder)`: `git_status`, `git_diff`, `git_log`, `git_show`, `git_blame`, and `git_commit`
     and `git_branch` if writing is allowed.

All are sync: they run in worker threads. What of a repository is not trusted is in `repository`.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from agentkit import RunContext, Tool, ToolError, ToolResult, tool
from agentkit.tools.tool_options import ToolOptions
from agentkit_tools.files.folder import Folder, PathFault
from agentkit_tools.git.repository import GitFault, Printed, Repository
from agentkit_tools.text_result import text_result

__all__ = ["git"]

_MAX_SHOWN = 20_000
_REVISION = re.compile(r"(?!-)[A-Za-z0-9_./@{}^~+-]{1,200}")
_BRANCH = re.compile(r"(?!-)[A-Za-z0-9_./-]{1,100}")
_PLAIN = ("--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=all")
_LOG_FORMAT = "--format=%h%x00%ad%x00%an%x00%s"
_STATUS_FILES = 300
_REFLOG_ENTRIES = 100
_BLAMED_LINES = 150

Revision = Annotated[str, Field(max_length=200, examples=["HEAD", "HEAD~1", "main", "a1b2c3d"])]
FilePath = Annotated[str, Field(max_length=1_000, examples=["src/main.py"])]
Skip = Annotated[int, Field(ge=0, le=1_000_000)]
FirstLine = Annotated[int, Field(ge=1)]

_READS = ToolOptions(read_only=True, idempotent=True, open_world=False, tags=("git",))
_BRANCHES = ToolOptions(
    destructive=False, idempotent=True, open_world=False, approval="ask", tags=("git", "write")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedFile:
    """A file that is not as in the last commit; `status` has two letters, as `git status` has."""

    status: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The branch and the changed files; `next_skip` if there are more."""

    branch: str
    files: list[ChangedFile]
    next_skip: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit, without its changes."""

    id: str
    date: str
    author: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Commits:
    """Commits, the newest first; `next_skip` if there are more."""

    commits: list[Commit]
    next_skip: int | None


def git(folder: str | Path, *, allow_write: bool = False) -> tuple[Tool, ...]:
    """Return the tools for the repository at `folder`.

    Args:
        folder: the top folder of a repository.
        allow_write: whether `git_commit` and `git_branch` are among them; each call needs approval.

    Raises:
        ConfigError: it is not the top of a repository, or git is not installed.
    """
    repository = Repository.at(folder)
    tools = _Git(repository=repository, folder=Folder.at(repository.root))
    reading: tuple[Callable[..., object], ...] = (
        *(tools.git_status, tools.git_diff, tools.git_log, tools.git_show, tools.git_blame),
    )
    offered = [tool(each, **_READS) for each in reading]
    if allow_write:
        commits = ToolOptions(
            destructive=False,
            open_world=False,
            approval="ask",
            tags=("git", "write"),
            find_outcome=tools.find_commit,
        )
        offered += [tool(tools.git_commit, **commits), tool(tools.git_branch, **_BRANCHES)]
    return tuple(offered)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Git:
    """The tools, bound to their repository."""

    repository: Repository
    folder: Folder

    def git_status(self, skip: Skip = 0) -> Annotated[ToolResult, Status]:
        """Show the branch, and which files are changed, staged or not tracked.

        Args:
            skip: how many files to leave out first.
        """
        with _git_errors_for_the_model():
            printed = self.repository.run(
                *("status", "--short", "--branch", "--ignore-submodules=all", "--no-renames", "-z")
            )
        head, *entries = printed.text.split("\0")[:-1]
        files = [ChangedFile(status=each[:2], path=each[3:]) for each in entries[skip:]]
        next_skip = skip + _STATUS_FILES if len(files) > _STATUS_FILES else None
        shown = [f"{each.status} {_quoted(each.path)}" for each in files[:_STATUS_FILES]]
        if next_skip is not None:
            shown.append(f"[there are more; go on with skip={next_skip}]")
        elif printed.is_cut:
            shown.append("[cut here: git printed too much]")
        status = Status(
            branch=head.removeprefix("## "), files=files[:_STATUS_FILES], next_skip=next_skip
        )
        return text_result("\n".join([head, *shown, ""]), status)

    def git_diff(
        self,
        path: FilePath | None = None,
        staged: bool = False,  # noqa: FBT001, FBT002 - a model names its arguments
        since: Revision | None = None,
        first_line: FirstLine = 1,
    ) -> str:
        """Show the changes of the work tree as a unified diff.

        Args:
            path: only this file or folder; leave it out for all.
            staged: what is staged, compared with the last commit.
            since: compare with this commit or branch in place of what is staged.
            first_line: the line to begin with, for a diff too long for one answer.
        """
        with _git_errors_for_the_model():
            revision = [] if since is None else [self._commit(since)]
            printed = self.repository.run(
                *("diff", *_PLAIN, *(["--cached"] if staged else []), *revision),
                *("--", *self._paths(path)),
            )
        return _page(printed, first_line) or "[no changes]"

    def git_log(
        self,
        revision: Revision = "HEAD",
        path: FilePath | None = None,
        limit: Annotated[int, Field(ge=1, le=100)] = 20,
        skip: Skip = 0,
    ) -> Annotated[ToolResult, Commits]:
        """List commits, the newest first: short id, date, author and subject.

        Args:
            revision: the commit or branch to begin with.
            path: only commits that changed this file or folder.
            limit: how many commits to list.
            skip: how many commits to leave out first.
        """
        with _git_errors_for_the_model():
            printed = self.repository.run(
                *("log", "--no-show-signature", "--no-notes", "--date=iso-strict", _LOG_FORMAT),
                *(f"--max-count={limit + 1}", f"--skip={skip}", "--no-color"),
                *(self._commit(revision), "--", *self._paths(path)),
            )
        lines = [line.split("\0") for line in printed.text.split("\n")]
        found = [
            Commit(id=each[0], date=each[1], author=each[2], subject=each[3])
            for each in lines
            if len(each) == 4  # the last line may be cut
        ]
        next_skip = skip + limit if len(found) > limit else None
        shown = [
            f"{each.id} {each.date} {each.author}\n    {each.subject}" for each in found[:limit]
        ]
        if next_skip is not None:
            shown.append(f"[there are more; go on with skip={next_skip}]")
        text = "\n".join(shown) or "[no commits]"
        return text_result(text, Commits(commits=found[:limit], next_skip=next_skip))

    def git_show(
        self, revision: Revision = "HEAD", path: FilePath | None = None, first_line: FirstLine = 1
    ) -> str:
        """Show a commit with its message and changes, or a file as it was in a commit.

        Args:
            revision: the commit or branch.
            path: this file as it was then; leave it out for the commit itself.
            first_line: the line to begin with, if there is too much for one answer.
        """
        with _git_errors_for_the_model():
            commit = self._commit(revision)
            if path is None:
                printed = self.repository.run(
                    *("show", *_PLAIN, "--no-show-signature", "--no-notes", "--format=fuller"),
                    *("--stat", "--patch", commit, "--"),
                )
            else:
                (name,) = self._paths(path)
                printed = self.repository.run("cat-file", "blob", f"{commit}:{name}")
        return _page(printed, first_line)

    def git_blame(
        self,
        path: FilePath,
        first_line: FirstLine = 1,
        revision: Revision = "HEAD",
    ) -> str:
        """Show which commit and author last changed each line of a file.

        Args:
            path: the file.
            first_line: the line to begin with.
            revision: the file as it was in this commit.
        """
        with _git_errors_for_the_model():
            (name,) = self._paths(path)
            printed = self.repository.run(
                *("blame", "--no-textconv", "--date=short"),
                *("-L", f"{first_line},+{_BLAMED_LINES + 1}"),
                *(self._commit(revision), "--", name),
            )
        lines = printed.text.splitlines(keepends=True)
        shown = "".join(lines[:_BLAMED_LINES])
        if len(lines) > _BLAMED_LINES:
            shown += f"[cut here; go on with first_line={first_line + _BLAMED_LINES}]"
        return shown

    def git_commit(  # noqa: D417 - the docstring is for the model, which gives no context
        self,
        context: RunContext,
        message: Annotated[str, Field(min_length=1, max_length=10_000)],
        paths: Annotated[list[FilePath], Field(min_length=1, max_length=200)],
    ) -> str:
        """Commit files of the work tree; what else is changed stays as it is.

        Args:
            message: the subject, an empty line, and what else is to be said.
            paths: the files and folders to commit, e.g. ["src/main.py"]; deleted files too.
        """
        with _git_errors_for_the_model():
            names = [name for path in paths for name in self._paths(path)]
            self.repository.check_writable()
            self._refuse_filters(names)
            self.repository.run("add", "--all", "--", *names)
            self.repository.run(
                *("commit", "--no-verify", "--no-gpg-sign", "--cleanup=verbatim", "--quiet"),
                *("--file=-", "--only", "--", *names),
                stdin=message,
                environment={**self._identity(), "GIT_REFLOG_ACTION": _mark(context)},
            )
            return self._describe("HEAD")

    def find_commit(self, context: RunContext, arguments: Mapping[str, Any]) -> str | None:
        """Return what an earlier call of `git_commit` returned, if it made its commit."""
        del arguments
        printed = self.repository.run(
            *("log", "--walk-reflogs", f"--max-count={_REFLOG_ENTRIES}", "--format=%H %gs"),
            *("--no-color", "HEAD", "--"),
        )
        for line in printed.text.splitlines():
            commit, _, text = line.partition(" ")
            if text.startswith(f"{_mark(context)}:"):
                return self._describe(commit)
        return None

    def git_branch(
        self, name: Annotated[str, Field(max_length=100, examples=["fix-parser"])]
    ) -> str:
        """Create a branch at the current commit and switch to it; files stay as they are.

        Args:
            name: the name of the new branch.
        """
        if not _BRANCH.fullmatch(name):
            raise ToolError(f"{name!r} cannot be a branch; use letters, digits, '-', '_' and '/'.")
        with _git_errors_for_the_model():
            self.repository.check_writable()
            current = self.repository.run("branch", "--show-current").text.strip()
            if current != name:
                self.repository.run("check-ref-format", "--branch", name)
                self.repository.run("switch", "--quiet", "--no-guess", "--create", name)
        return f"On the branch {name}."

    def _commit(self, revision: str) -> str:
        """Return the id of the commit that a revision stands for."""
        if not _REVISION.fullmatch(revision):
            raise ToolError(f"{revision!r} is no commit or branch; write e.g. HEAD~1 or main.")
        printed = self.repository.run(
            *("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        )
        return printed.text.strip()

    def _paths(self, path: str | None) -> list[str]:
        """Return a path that stays inside the repository, as git reads it."""
        if path is None:
            return []
        return ["/".join(self.folder.names(path)) or "."]

    def _refuse_filters(self, names: list[str]) -> None:
        """Refuse files that need a program of the repository to be stored, such as git-lfs."""
        listed = self.repository.run(
            *("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *names)
        ).text
        printed = self.repository.run("check-attr", "-z", "--stdin", "filter", stdin=listed)
        fields = printed.text.split("\0")
        for name, value in zip(fields[::3], fields[2::3], strict=False):
            if value not in ("unspecified", "unset"):
                raise GitFault(
                    f"{name!r} is stored through the filter {value!r}, a program that is not run "
                    "here; the user must commit it."
                )

    def _identity(self) -> dict[str, str]:
        """Return the author: the repository's own setting, or agentkit."""
        listed = self.repository.run("config", "--list", "-z").text.split("\0")
        settings = dict(each.partition("\n")[::2] for each in listed)
        name = settings.get("user.name") or "agentkit"
        email = settings.get("user.email") or "agentkit@localhost"
        return {
            f"GIT_{role}_{key}": value
            for role in ("AUTHOR", "COMMITTER")
            for key, value in (("NAME", name), ("EMAIL", email))
        }

    def _describe(self, commit: str) -> str:
        printed = self.repository.run(
            *("show", "--no-patch", "--no-show-signature", "--format=%h %s", commit, "--")
        )
        return f"Committed {printed.text.strip()}"


def _mark(context: RunContext) -> str:
    """Return the mark of a call in the reflog, by which its outcome can be found."""
    key = context.idempotency_key or context.call_id
    return f"agentkit-{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def _quoted(path: str) -> str:
    """Return a path in one line; one with characters that cannot be printed is in quotes."""
    return path if path.isprintable() else json.dumps(path)


def _page(printed: Printed, first_line: int) -> str:
    """Return as many lines as a model should read at once."""
    lines = printed.text.splitlines(keepends=True)
    if first_line > max(1, len(lines)):
        raise ToolError(f"There are {len(lines)} lines; first_line is {first_line}.")
    shown = "".join(lines[first_line - 1 :])
    if len(shown) > _MAX_SHOWN:
        shown = shown[:_MAX_SHOWN]
        last = first_line + shown.count("\n")
        return f"{shown}\n[cut here; go on with first_line={last} of {len(lines)}]"
    if printed.is_cut:
        shown += "\n[cut here: git printed too much; name a path]"
    return shown


@contextmanager
def _git_errors_for_the_model() -> Iterator[None]:
    """Turn a `GitFault` or a `PathFault` into an error result for the model."""
    try:
        yield
    except GitFault as fault:
        raise ToolError(f"git: {fault}") from fault
    except PathFault as fault:
        raise ToolError(f"{fault}.") from fault
