"""Call git in a repository that is not trusted.

In:  the folder of a repository, arguments of git.
Out: what git printed, up to a limit; a `GitFault` if it failed.

A repository can hold commands: hooks, and settings that name programs (`core.fsmonitor`,
`diff.external`, `textconv`, filters, `core.sshCommand`, …). None of them is run: hooks are looked
for in a folder that does not exist, settings that can name a program are overridden, and no
settings of the user or the system are read. See https://git-scm.com/docs/git-config.
"""

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from agentkit import ConfigError

MAX_BYTES = 4_000_000
_SECONDS = 30

_ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin",
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "false",
    "GIT_EDITOR": "false",
    "GIT_SEQUENCE_EDITOR": "false",
    "GIT_PAGER": "cat",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    # A partial clone would fetch what is missing, by any transport that its settings name.
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_SSH_COMMAND": "false",
}
_SETTINGS: Mapping[str, str] = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.pager": "cat",
    "core.editor": "false",
    "core.sshCommand": "false",
    "core.askPass": "false",
    "core.gitProxy": "",
    "core.alternateRefsCommand": "false",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "core.logAllRefUpdates": "true",
    "core.quotePath": "false",
    "core.untrackedCache": "false",
    "blame.ignoreRevsFile": "",
    "color.ui": "never",
    "commit.gpgSign": "false",
    "commit.template": "/dev/null",
    "credential.helper": "",
    # Git looks into submodules with their own settings.
    "diff.ignoreSubmodules": "all",
    "diff.orderFile": "/dev/null",
    "diff.submodule": "short",
    "gc.auto": "0",
    "gpg.program": "false",
    "log.showSignature": "false",
    "mailmap.file": "/dev/null",
    "maintenance.auto": "false",
    "status.submoduleSummary": "false",
    "submodule.recurse": "false",
}
_PROGRAMS = re.compile(
    r"(?:diff|filter|merge|gpg|trailer|credential|alias|pager|difftool|mergetool|remote|browser|man"
    r"|guitool|sendemail|imap|uploadpack|interactive|sequence|web|instaweb|submodule|hook)\..*"
    r"(?:clean|smudge|process|required|textconv|command|cmd|driver|program|helper|external"
    r"|packobjectshook|difffilter|editor|update|uploadpack|receivepack|vcs|path)"
    r"|(?:alias|pager)\..*",
    re.IGNORECASE | re.DOTALL,
)
"""Settings with a name of the repository's choice that can name a program."""
_FALSE = ("required",)


class GitFault(Exception):  # noqa: N818 - not an error of the program: git refused
    """Git failed; the message is what it printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """What git printed; `is_cut` if there was more."""

    text: str
    is_cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository whose `.git` is a folder in its work tree.

    Attributes:
        root: the work tree.
        program: the path of git.
    """

    root: Path
    program: str

    @classmethod
    def at(cls, root: str | Path) -> "Repository":
        """Build from the folder of a work tree.

        Raises:
            ConfigError: it is not the top of a repository, or git is not installed.
        """
        resolved = Path(root).expanduser().resolve()
        program = shutil.which("git")
        if program is None:
            raise ConfigError("The tools 'git' need the program git, which was not found.")
        repository = cls(root=resolved, program=program)
        repository.check()
        return repository

    def check(self) -> None:
        """Check that nothing leads git to a repository elsewhere.

        Raises:
            ConfigError: `.git` is missing, or is a link or refers to another folder.
        """
        inner = self.root / ".git"
        if inner.is_symlink() or not inner.is_dir():
            raise ConfigError(
                f"{str(self.root)!r} is not the top folder of a git repository (of its main work "
                "tree, for a repository with several)."
            )
        if (inner / "commondir").exists() or (inner / "config.worktree").exists():
            raise ConfigError(f"The repository {str(self.root)!r} refers to another one.")
        _refuse_links(inner, self.root)

    def check_writable(self) -> None:
        """Check that what git writes stays in the repository: it follows links in `.git`.

        Raises:
            GitFault: there is such a link.
        """
        inner = self.root / ".git"
        folders = [inner, *(each for each in (inner / "objects").glob("*") if each.is_dir())]
        for name in ("info", "logs", "refs"):
            folders += [Path(folder) for folder, _, _ in os.walk(inner / name)]
        try:
            for folder in folders:
                _refuse_links(folder, self.root)
            _refuse_links(inner / "objects", self.root)
        except ConfigError as error:
            raise GitFault(str(error)) from error

    def run(
        self,
        *arguments: str,
        stdin: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> Printed:
        """Run git and return what it printed.

        Args:
            arguments: the command and its arguments.
            stdin: what it reads.
            environment: additional variables.

        Raises:
            GitFault: it failed or took too long.
        """
        settings = {**_SETTINGS, **self._overrides()}
        return self._call(arguments, settings, stdin=stdin, environment=environment or {})

    def _overrides(self) -> dict[str, str]:
        """Return a value without effect for each setting that can name a program.

        Listing the settings, those of included files too, runs nothing.
        """
        printed = self._call(("config", "--list", "--name-only", "-z"), _SETTINGS)
        if printed.is_cut:
            raise GitFault("The configuration of the repository is too long.")
        names = printed.text.split("\0")
        return {
            name: "false" if name.casefold().endswith(_FALSE) else ""
            for name in names
            if _PROGRAMS.fullmatch(name)
        }

    def _call(
        self,
        arguments: Sequence[str],
        settings: Mapping[str, str],
        *,
        stdin: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> Printed:
        try:
            self.check()
        except ConfigError as error:
            raise GitFault(str(error)) from error
        # Nothing that the owner of the repository wrote is run, so it may be another user's.
        settings = {**settings, "safe.directory": str(self.root)}
        variables = {
            **_ENVIRONMENT,
            **(environment or {}),
            "GIT_DIR": str(self.root / ".git"),
            "GIT_WORK_TREE": str(self.root),
            "GIT_CEILING_DIRECTORIES": str(self.root.parent),
            "GIT_CONFIG_COUNT": str(len(settings)),
        }
        for place, (key, value) in enumerate(settings.items()):
            variables[f"GIT_CONFIG_KEY_{place}"] = key
            variables[f"GIT_CONFIG_VALUE_{place}"] = value
        process = subprocess.Popen(  # noqa: S603 - no shell; the arguments are checked by the tools
            [self.program, "--no-pager", "--no-replace-objects", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.root,
            env=variables,
        )
        return _finish(process, stdin)


def _refuse_links(folder: Path, root: Path) -> None:
    """Refuse a repository that has symbolic links in a folder of `.git`."""
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        link = next((entry.name for entry in entries if entry.is_symlink()), None)
    if link is not None:
        raise ConfigError(
            f"The repository {str(root)!r} has a symbolic link in .git, {link!r}, which may lead "
            "elsewhere."
        )


def _finish(process: "subprocess.Popen[bytes]", stdin: str) -> Printed:
    """Return what a process prints; kill it when it prints or takes too much."""
    timer = threading.Timer(_SECONDS, process.kill)
    timer.start()
    errors: list[bytes] = []
    try:
        with process:
            assert process.stdin is not None  # noqa: S101 - they are pipes
            assert process.stdout is not None  # noqa: S101
            assert process.stderr is not None  # noqa: S101
            reader = threading.Thread(target=_read_end, args=(process.stderr, errors))
            reader.start()
            was_read = _write(process.stdin, stdin.encode("utf-8", "surrogateescape"))
            data = process.stdout.read(MAX_BYTES + 1)
            is_cut = len(data) > MAX_BYTES
            if is_cut:
                process.kill()
            reader.join()  # before the pipes are closed
            code = process.wait()
    finally:
        timer.cancel()
    if code and not is_cut:
        text = b"".join(errors).decode("utf-8", "replace").strip()
        raise GitFault(text[:2_000] or f"git failed with the exit code {code}, or took too long.")
    if not was_read:
        raise GitFault("git ended before it had read its input.")
    return Printed(text=data[:MAX_BYTES].decode("utf-8", "replace"), is_cut=is_cut)


def _write(stream: IO[bytes], data: bytes) -> bool:
    """Write the input of a process and close it; return False if the process ended first."""
    try:
        with stream:
            stream.write(data)
    except BrokenPipeError:
        return False
    return True


def _read_end(stream: object, kept: list[bytes]) -> None:
    """Read a stream to its end and keep its beginning."""
    while chunk := stream.read(65_536):  # type: ignore[attr-defined]  # a pipe of a process
        if len(kept) < 4:
            kept.append(chunk)
