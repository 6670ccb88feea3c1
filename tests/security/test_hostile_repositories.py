"""No command of a repository is run, and nothing outside of it is read."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from agentkit import ConfigError, RunContext, Tool, ToolError
from agentkit_tools.git import git
from tests.security.hostile_repositories import HOSTILE, TRIGGERS
from tests.security.hostile_repositories import git as plain_git


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a repository with one commit."""
    root = tmp_path_factory.mktemp("original")
    (root / "notes.txt").write_text("one\n")
    plain_git(root, "init", "--quiet", "--initial-branch=main")
    plain_git(root, "config", "user.name", "Ada")
    plain_git(root, "config", "user.email", "ada@example.com")
    plain_git(root, "add", ".")
    plain_git(root, "commit", "--quiet", "--message=First")
    return root


@pytest.fixture
def root(original: Path, tmp_path: Path) -> Path:
    """Return a copy of the repository, with a change that is not committed."""
    root = tmp_path / "repository"
    shutil.copytree(original, root)
    (root / "notes.txt").write_text("one\ntwo\n")
    return root


def tools(root: Path) -> dict[str, Tool]:
    """Return the tools by name."""
    return {each.name: each for each in git(root, allow_write=True)}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_command_of_a_repository_is_run(name: str, root: Path, tmp_path: Path) -> None:
    """By none of the tools; plain git runs it."""
    mark = tmp_path / "was-here"
    HOSTILE[name](root, f"touch {mark}")
    context = RunContext(deps=None, call_id="1")
    calls: list[Callable[[], object]] = [
        lambda: offered["git_status"](),
        lambda: offered["git_diff"](),
        lambda: offered["git_diff"](None, True),
        lambda: offered["git_log"]("HEAD", "notes.txt"),
        lambda: offered["git_show"](),
        lambda: offered["git_show"]("HEAD", "notes.txt"),
        lambda: offered["git_blame"]("notes.txt"),
        lambda: offered["git_commit"](context, "Second", ["notes.txt"]),
        lambda: offered["git_branch"]("other"),
    ]
    offered = tools(root)

    for call in calls:
        try:
            call()
        except ToolError:
            continue

    assert not mark.exists()
    if name in TRIGGERS:
        (root / "notes.txt").write_text("three\n")
        plain_git(root, *TRIGGERS[name])
        assert mark.exists(), "the attempt is none"


def test_a_repository_elsewhere_is_refused(root: Path, tmp_path: Path) -> None:
    """By a link, by a file that names it, or by a reference of `.git`."""
    linked, named, referring = tmp_path / "linked", tmp_path / "named", tmp_path / "referring"
    for folder in (linked, named):
        folder.mkdir()
    (linked / ".git").symlink_to(root / ".git")
    (named / ".git").write_text(f"gitdir: {root}/.git\n")
    shutil.copytree(root, referring)
    (referring / ".git" / "commondir").write_text(f"{root}/.git\n")

    for folder in (linked, named, referring, tmp_path):
        with pytest.raises(ConfigError):
            git(folder)


def test_a_repository_that_is_moved_later_is_refused(root: Path, tmp_path: Path) -> None:
    """Each call checks it."""
    offered = tools(root)
    (root / ".git").rename(tmp_path / "moved")
    (root / ".git").symlink_to(tmp_path / "moved")

    with pytest.raises(ToolError, match="not the top folder"):
        offered["git_status"]()


@pytest.mark.parametrize(
    "revision",
    ["--output=made", "-p", "HEAD:../secret", "HEAD --output=made", "$(id)", "a..b", "", ":/x"],
)
def test_a_revision_is_no_option(revision: str, root: Path) -> None:
    """And no expression that reaches elsewhere."""
    offered = tools(root)

    for name in ("git_log", "git_show"):
        with pytest.raises(ToolError):
            offered[name](revision)
    with pytest.raises(ToolError):
        offered["git_blame"]("notes.txt", 1, revision)
    assert not (root / "made").exists()


@pytest.mark.parametrize("path", ["../secret.txt", "/etc/passwd", ".git/config", ":!x", ":(top)x"])
def test_a_path_stays_inside(path: str, root: Path, tmp_path: Path) -> None:
    """And is no pattern of git."""
    (tmp_path / "secret.txt").write_text("the secret")
    offered = tools(root)

    calls: list[Callable[[], object]] = [
        lambda: offered["git_show"]("HEAD", path),
        lambda: offered["git_blame"](path),
        lambda: offered["git_commit"](RunContext(deps=None), "x", [path]),
    ]
    for call in calls:
        with pytest.raises(ToolError) as caught:
            call()
        assert "the secret" not in str(caught.value)
    assert "two" not in str(offered["git_log"]())


@pytest.mark.parametrize(
    "place",
    ["COMMIT_EDITMSG", "logs/HEAD", "logs/refs/heads/main", "refs/heads/other", "objects/aa"],
)
def test_what_git_writes_stays_in_the_repository(place: str, root: Path, tmp_path: Path) -> None:
    """Git follows links in `.git`."""
    outside = tmp_path / "outside"
    outside.write_text("mine")
    offered = tools(root)
    link = root / ".git" / place
    link.unlink(missing_ok=True)
    link.symlink_to(outside)
    context = RunContext(deps=None, call_id="1")

    with pytest.raises(ToolError, match="symbolic link"):
        offered["git_commit"](context, "Overwrite", ["notes.txt"])
    with pytest.raises(ToolError, match="symbolic link"):
        offered["git_branch"]("other")

    assert outside.read_text() == "mine"


def test_a_repository_of_another_user_can_be_read(root: Path) -> None:
    """Git alone refuses it, because it would run what that user configured."""
    if os.getuid() == 0:
        for path in (root, root / ".git"):
            os.chown(path, 65534, 65534)

    assert "notes.txt" in tools(root)["git_status"]().text
