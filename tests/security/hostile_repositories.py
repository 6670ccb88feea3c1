"""Repositories that try to run a command when git looks at them.

In:  a repository with one commit, and a command.
Out: `HOSTILE`: functions that change the repository so that git runs the command; and for which
     `TRIGGERS` names arguments with which plain git runs it.
"""

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

Change = Callable[[Path, str], None]


def git(root: Path, *arguments: str) -> None:
    """Run plain git."""
    subprocess.run(  # noqa: S603 - constant arguments
        ["/usr/bin/env", "git", *arguments], cwd=root, check=False, capture_output=True
    )


def with_settings(text: str, attributes: str = "") -> Change:
    """Return a change of the settings; `{command}` in them is the command, `{script}` a file."""

    def change(root: Path, command: str) -> None:
        script = root / ".git" / "script"
        script.write_text(f"#!/bin/sh\n{command}\n")
        script.chmod(0o755)
        with (root / ".git" / "config").open("a") as file:
            file.write(text.replace("{command}", command).replace("{script}", str(script)) + "\n")
        if attributes:
            (root / ".gitattributes").write_text(attributes + "\n")

    return change


def with_hooks(folder: str, settings: str = "") -> Change:
    """Return a change that adds every hook."""

    def change(root: Path, command: str) -> None:
        (root / folder).mkdir(parents=True, exist_ok=True)
        for name in HOOKS:
            hook = root / folder / name
            hook.write_text(f"#!/bin/sh\n{command}\n")
            hook.chmod(0o755)
        with_settings(settings)(root, command)

    return change


def with_included(section: str) -> Change:
    """Return a change that includes settings from a file of the work tree."""

    def change(root: Path, command: str) -> None:
        (root / "more.config").write_text(f"[core]\n\tfsmonitor = {command}; false\n")
        with_settings(f"[{section}]\n\tpath = {root}/more.config")(root, command)

    return change


def with_submodule(root: Path, command: str) -> None:
    """Add a submodule whose own settings are hostile."""
    inner = root / "inner"
    inner.mkdir()
    git(inner, "init", "--quiet")
    git(inner, "-c", "user.name=a", "-c", "user.email=a", "commit", "--allow-empty", "-m", "x")
    git(root, "add", "inner")
    with_settings("[core]\n\tfsmonitor = {command}; false")(inner, command)
    (inner / "new.txt").write_text("x")


def with_promisor(root: Path, command: str) -> None:
    """Let git fetch a missing object from a remote that is a command."""
    with_settings(
        f'[remote "origin"]\n\turl = ext::sh -c {command.replace(" ", "% ")}\n\tpromisor = true\n'
        "[extensions]\n\tpartialClone = origin\n[core]\n\trepositoryformatversion = 1\n"
        '[protocol "ext"]\n\tallow = always'
    )(root, command)
    for path in (root / ".git" / "objects").glob("??"):
        shutil.rmtree(path)


HOOKS = (
    *("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "post-checkout"),
    *("reference-transaction", "post-index-change", "pre-auto-gc", "fsmonitor-watchman"),
)
ALL = "*.txt diff=evil filter=evil merge=evil"
HOSTILE: Mapping[str, Change] = {
    "monitor of files": with_settings("[core]\n\tfsmonitor = {command}; false"),
    "external diff": with_settings("[diff]\n\texternal = {command}; true"),
    "diff driver": with_settings('[diff "evil"]\n\tcommand = {command}; true', ALL),
    "text conversion": with_settings('[diff "evil"]\n\ttextconv = {command}; cat', ALL),
    "text conversion in capitals": with_settings('[DIFF "evil"]\n\tTextConv = {command}; cat', ALL),
    "name with dots": with_settings(
        '[diff "e.v.il"]\n\ttextconv = {command}; cat', "*.txt diff=e.v.il"
    ),
    "clean filter": with_settings('[filter "evil"]\n\tclean = {command}; cat', ALL),
    "smudge filter": with_settings('[filter "evil"]\n\tsmudge = {command}; cat', ALL),
    "filter process": with_settings(
        '[filter "evil"]\n\tprocess = {command}; cat\n\trequired = true', ALL
    ),
    "pager": with_settings(
        "[core]\n\tpager = {command}\n[pager]\n\tlog = {command}\n\tdiff = true"
    ),
    "editor": with_settings("[core]\n\teditor = {command}\n[sequence]\n\teditor = {command}"),
    "aliases": with_settings(
        "[alias]\n\tstatus = !{command}\n\tlog = !{command}\n\tshow = !{command}"
    ),
    "signing": with_settings("[commit]\n\tgpgSign = true\n[gpg]\n\tprogram = {script}"),
    "signing by SSH": with_settings(
        '[commit]\n\tgpgSign = true\n[gpg]\n\tformat = ssh\n[gpg "ssh"]\n\tprogram = {script}\n'
        "\tdefaultKeyCommand = {command}"
    ),
    "trailers": with_settings('[trailer "sign"]\n\tkey = Signed\n\tcommand = {command}'),
    "hooks": with_hooks(".git/hooks"),
    "hooks in the work tree": with_hooks("hooks", "[core]\n\thooksPath = hooks"),
    "hooks in settings": with_settings('[hook "a"]\n\tevent = pre-commit\n\tcommand = {command}'),
    "included settings": with_included("include"),
    "included settings on a condition": with_included('includeIf "gitdir:/"'),
    "submodule": with_submodule,
    "remote": with_promisor,
    "merge driver": with_settings('[merge "evil"]\n\tdriver = {command}', ALL),
    "credentials": with_settings("[credential]\n\thelper = !{command}"),
    "housekeeping": with_settings("[gc]\n\tauto = 1\n[maintenance]\n\tauto = true"),
}
TRIGGERS: Mapping[str, Sequence[str]] = {
    "monitor of files": ("status",),
    "external diff": ("diff",),
    "diff driver": ("diff",),
    "text conversion": ("diff",),
    "text conversion in capitals": ("diff",),
    "name with dots": ("diff",),
    "clean filter": ("add", "notes.txt"),
    "filter process": ("add", "notes.txt"),
    "hooks": ("commit", "--quiet", "--all", "--message=x"),
    "hooks in the work tree": ("commit", "--quiet", "--all", "--message=x"),
    "included settings": ("status",),
    "included settings on a condition": ("status",),
    "signing": ("commit", "--quiet", "--all", "--message=x"),
    "editor": ("commit", "--all"),
    "submodule": ("status",),
}
