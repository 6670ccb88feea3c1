"""The git tools show a repository and commit to it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from agentkit import ConfigError, RunContext, Tool, ToolError
from agentkit_tools.git import git
from agentkit_tools.git import repository as repository_module
from agentkit_tools.git.repository import GitFault, Repository
from tests.tool_results import structured


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Build a repository with two commits and a change."""
    run(tmp_path, "init", "--quiet", "--initial-branch=main")
    run(tmp_path, "config", "user.name", "Ada")
    run(tmp_path, "config", "user.email", "ada@example.com")
    for number, text in enumerate(("one\n", "one\ntwo\n"), start=1):
        (tmp_path / "notes.txt").write_text(text)
        run(tmp_path, "add", ".")
        run(tmp_path, "commit", "--quiet", f"--message=Change {number}\n\nBody {number}.")
    (tmp_path / "notes.txt").write_text("one\ntwo\nthree\n")
    return tmp_path


def run(root: Path, *arguments: str) -> str:
    """Run plain git."""
    done = subprocess.run(  # noqa: S603 - constant arguments
        ["/usr/bin/env", "git", *arguments], cwd=root, check=True, capture_output=True, text=True
    )
    return done.stdout


def named(root: Path, name: str) -> Tool:
    """Return one of the tools."""
    return next(each for each in git(root, allow_write=True) if each.name == name)


def test_changes_and_history_are_shown(root: Path) -> None:
    """Status, diff, log, commits, files of a commit, and who changed a line."""
    (root / "new.txt").write_text("x")

    status = named(root, "git_status")()
    assert status.text == "## main\n M notes.txt\n?? new.txt\n"
    assert structured(status) == {
        "branch": "main",
        "files": [
            {"status": " M", "path": "notes.txt"},
            {"status": "??", "path": "new.txt"},
        ],
        "next_skip": None,
    }
    assert "+three" in named(root, "git_diff")()
    assert named(root, "git_diff")("new.txt") == "[no changes]"
    assert named(root, "git_diff")(None, True) == "[no changes]"
    assert "+two" in named(root, "git_diff")(None, False, "HEAD~1")
    log = named(root, "git_log")()
    assert "Ada\n    Change 2" in log.text
    assert [each["subject"] for each in structured(log)["commits"]] == ["Change 2", "Change 1"]
    assert {each["author"] for each in structured(log)["commits"]} == {"Ada"}
    assert "Body 2." in named(root, "git_show")()
    assert "+two" in named(root, "git_show")()
    assert named(root, "git_show")("HEAD~1", "notes.txt") == "one\n"
    assert "(Ada" in named(root, "git_blame")("notes.txt", 2)


def test_long_results_are_read_page_by_page(root: Path) -> None:
    """With the place to go on from."""
    (root / "notes.txt").write_text("".join(f"line {number}\n" for number in range(5_000)))
    diff = named(root, "git_diff")

    first = diff()
    next_line = int(first.rpartition("first_line=")[2].partition(" ")[0])

    assert diff(None, False, None, next_line).partition("\n")[0].startswith("+line")
    with pytest.raises(ToolError, match="first_line is 90000"):
        diff(None, False, None, 90_000)
    run(root, "commit", "--quiet", "--all", "--message=Long")
    blame = named(root, "git_blame")
    assert blame("notes.txt").endswith("[cut here; go on with first_line=151]")
    assert "line 4999" in blame("notes.txt", 4_990)
    run(root, "reset", "--quiet", "--hard", "HEAD~1")
    log = named(root, "git_log")
    assert log("HEAD", None, 1).text.endswith("[there are more; go on with skip=1]")
    assert structured(log("HEAD", None, 1))["next_skip"] == 1
    assert "Change 1" in log("HEAD", None, 1, 1).text


def test_many_changed_files_are_listed_page_by_page(root: Path) -> None:
    """A name with a line end stays in one line of the text."""
    run(root, "checkout", "--quiet", "notes.txt")
    for number in range(300):
        (root / f"new{number:03}").touch()
    (root / "two\nlines").touch()
    status = named(root, "git_status")

    assert status().text.endswith("?? new299\n[there are more; go on with skip=300]\n")
    assert structured(status())["next_skip"] == 300
    assert status(300).text == '## main\n?? "two\\nlines"\n'
    assert structured(status(300))["files"] == [{"status": "??", "path": "two\nlines"}]


def test_named_files_are_committed(root: Path) -> None:
    """What else is changed or staged stays as it is; the author is that of the settings."""
    (root / "new.txt").write_text("x")
    (root / "other.txt").write_text("y")
    run(root, "add", "other.txt")
    commit = named(root, "git_commit")

    answer = commit(RunContext(deps=None, call_id="1"), "Add a file\n\n# Why", ["new.txt"])

    assert answer.startswith("Committed ")
    assert answer.endswith("Add a file")
    assert run(root, "show", "--name-only", "--format=%an %B").split("\n") == [
        *("Ada Add a file", "", "# Why", "", "new.txt", "")
    ]
    assert run(root, "status", "--short") == " M notes.txt\nA  other.txt\n"


def test_the_outcome_of_a_commit_can_be_found(root: Path) -> None:
    """By the key of the call, after a crash."""
    commit = named(root, "git_commit")
    context = RunContext(deps=None, call_id="1", idempotency_key="key-1")
    assert commit.find_outcome is not None

    before = commit.find_outcome(context, {})
    answer = commit(context, "Third", ["notes.txt"])

    assert before is None
    assert commit.find_outcome(context, {}) == answer
    assert commit.find_outcome(RunContext(deps=None, idempotency_key="key-2"), {}) is None


def test_nothing_to_commit_is_an_error(root: Path) -> None:
    """With what git printed."""
    run(root, "checkout", "--quiet", "notes.txt")

    with pytest.raises(ToolError, match="git: "):
        named(root, "git_commit")(RunContext(deps=None), "Nothing", ["notes.txt"])
    with pytest.raises(ToolError, match="did not match"):
        named(root, "git_commit")(RunContext(deps=None), "Nothing", ["none.txt"])


def test_a_file_that_needs_a_filter_is_not_committed(root: Path) -> None:
    """It would be stored without it."""
    (root / ".gitattributes").write_text("*.bin filter=lfs\n")
    (root / "large.bin").write_text("x")

    with pytest.raises(ToolError, match="filter 'lfs'"):
        named(root, "git_commit")(RunContext(deps=None), "Large", ["large.bin"])


def test_a_branch_is_created_at_the_current_commit(root: Path) -> None:
    """A second call changes nothing."""
    branch = named(root, "git_branch")

    assert branch("fix/one") == branch("fix/one") == "On the branch fix/one."
    assert run(root, "branch", "--show-current") == "fix/one\n"
    with pytest.raises(ToolError, match="cannot be a branch"):
        branch("--force")
    with pytest.raises(ToolError, match="git: "):
        branch("main")
    assert (root / "notes.txt").read_text() == "one\ntwo\nthree\n"


def test_changes_of_a_repository_need_approval(root: Path) -> None:
    """What reads does not; without `allow_write` nothing else is offered."""
    offered = {each.name: each for each in git(root, allow_write=True)}

    assert offered["git_commit"].approval == offered["git_branch"].approval == "ask"
    assert offered["git_branch"].annotations.idempotent_hint
    assert not offered["git_commit"].annotations.destructive_hint
    assert all(each.annotations.read_only_hint for each in git(root))
    assert len(git(root)) == len(offered) - 2


def test_without_git_there_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a model is called."""
    monkeypatch.setattr(shutil, "which", lambda _: None)

    with pytest.raises(ConfigError, match="program git"):
        git(root)


def test_a_slow_or_long_command_is_killed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its output is cut."""
    monkeypatch.setattr(repository_module, "MAX_BYTES", 10)
    monkeypatch.setattr(Repository, "_overrides", lambda _: {})

    assert Repository.at(root).run("log").is_cut
    assert named(root, "git_show")("HEAD", "notes.txt") == "one\ntwo\n"


MORE_THAN_A_PIPE = "x" * 1_000_000
"""Git ends before it has read all of it."""


def test_git_that_fails_before_it_reads_its_input_is_an_error_with_its_message(
    root: Path,
) -> None:
    """And not that of the pipe that git closed."""
    with pytest.raises(GitFault, match=r"path 'missing\.txt' does not exist in 'HEAD'"):
        Repository.at(root).run("cat-file", "blob", "HEAD:missing.txt", stdin=MORE_THAN_A_PIPE)


def test_git_that_succeeds_without_reading_its_input_is_an_error(root: Path) -> None:
    """What it printed may be about a part of the input."""
    with pytest.raises(GitFault, match="ended before it had read its input"):
        Repository.at(root).run("rev-parse", "HEAD", stdin=MORE_THAN_A_PIPE)
