"""Files are changed exactly, found by patterns, and changes can be taken back."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agentkit import Tool, ToolError
from agentkit_tools.files import files, undo_log
from agentkit_tools.files.text_edit import EditFault, apply_diff, replace_text
from tests.tool_results import structured


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Build a folder next to a secret."""
    (tmp_path / "secret.txt").write_text("the secret")
    root = tmp_path / "root"
    (root / "src" / "deep").mkdir(parents=True)
    (root / "src" / "main.py").write_text("def total(a):\n    return a\n\n\nx = total(1)\n")
    (root / "src" / "deep" / "test_main.py").write_text("def test_total():\n    assert True\n")
    (root / "notes.md").write_text("one\ntwo\nthree\n")
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("[core]\n")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    return root


def tools(root: Path) -> dict[str, Tool]:
    """Return the tools for `root` by name."""
    return {each.name: each for each in files(root, allow_write=True)}


def test_a_part_is_replaced_exactly(root: Path) -> None:
    """The result is the change as a diff."""
    diff = tools(root)["edit_file"]("notes.md", "two\n", "2\n")

    assert (root / "notes.md").read_text() == "one\n2\nthree\n"
    assert diff == "--- a/notes.md\n+++ b/notes.md\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"


def test_a_part_that_is_not_there_or_not_unique_is_an_error(root: Path) -> None:
    """It says what to do; nothing changes."""
    edit = tools(root)["edit_file"]

    with pytest.raises(ToolError, match="not in the file; read the file"):
        edit("notes.md", "four", "4")
    with pytest.raises(ToolError, match="line 2 is like its first line"):
        edit("src/main.py", "  return a\nmore", "x")
    with pytest.raises(ToolError, match=r"2 times, on the lines 1, 5; .*replace_all"):
        edit("src/main.py", "total", "sum_of")
    with pytest.raises(ToolError, match="changes nothing"):
        edit("notes.md", "two", "two")
    assert edit("src/main.py", "total", "sum_of", True).count("+") >= 3
    assert (root / "notes.md").read_text() == "one\ntwo\nthree\n"


def test_line_ends_and_byte_order_marks_stay(root: Path) -> None:
    """A model writes neither."""
    (root / "dos.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\nthree\r\n")
    edit, diff = tools(root)["edit_file"], tools(root)["apply_diff"]

    edit("dos.txt", "one\ntwo\n", "1\n2\n")
    diff("dos.txt", "@@ -2,2 +2,2 @@\n 2\n-three\n+3\n")

    assert (root / "dos.txt").read_bytes() == b"\xef\xbb\xbf1\r\n2\r\n3\r\n"


@pytest.mark.parametrize(
    ("before", "diff", "after"),
    [
        ("a\nb\nc\n", "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n", "a\nB\nc\n"),
        ("a\nb\nc\n", "--- a/x\n+++ b/x\n@@ -9,9 +9,9 @@\n-c\n+C\n", "a\nb\nC\n"),
        ("a\n\nc\n", "@@ -1,3 +1,3 @@\n a\n\n-c\n+C\n", "a\n\nC\n"),
        ("a\na\na\n", "@@ -2 +2 @@\n-a\n+b\n", "a\nb\na\n"),
        ("a\nb\n", "@@ -1,2 +1,1 @@\n a\n-b\n@@ -2,0 +2,1 @@\n+c\n", "a\nc\n"),
        ("a\nb", "@@ -2 +2 @@\n-b\n+c\n\\ No newline at end of file\n", "a\nc"),
        ("a\nb", "@@ -2,0 +3 @@\n+c\n", "a\nb\nc\n"),
        ("", "@@ -0,0 +1,2 @@\n+a\n+b\n", "a\nb\n"),
        ("a\nb\nc\nd\n", "@@ -1 +1,2 @@\n+0\n a\n@@ -4 +5 @@\n-d\n+D\n", "0\na\nb\nc\nD\n"),
        ("a\nb\n", "@@ -1,2 +0,0 @@\n-a\n-b\n", ""),
    ],
)
def test_a_diff_is_applied(before: str, diff: str, after: str) -> None:
    """Its numbers are hints; its context decides."""
    assert apply_diff(before, diff) == after


@pytest.mark.parametrize(
    ("diff", "reason"),
    [
        ("", "no hunk"),
        ("-a\n+b\n", "before its first"),
        ("@@ -1 +1 @@\n-x\n+y\n", "hunk 1 does not fit"),
        ("@@ -7 +7 @@\n-a\n+y\n", "fits at the lines 1, 3"),
        ("@@ -9,0 +9 @@\n+y\n", "after the end"),
    ],
)
def test_a_diff_that_does_not_fit_is_an_error(diff: str, reason: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(EditFault, match=reason):
        apply_diff("a\nb\na\n", diff)


def test_a_replacement_keeps_the_rest() -> None:
    """Also if the new text holds the old one."""
    assert replace_text("aXa", "X", "XX", replace_all=False) == "aXXa"


def test_files_are_moved_deleted_and_brought_back(root: Path) -> None:
    """One change after another, the last one first."""
    offered = tools(root)

    offered["write_file"]("new.txt", "new")
    offered["move_file"]("new.txt", "made/there.txt")
    offered["edit_file"]("made/there.txt", "new", "old")
    offered["delete_file"]("notes.md")
    offered["write_file"]("src/main.py", "replaced", True)
    assert not (root / "notes.md").exists()
    assert (root / "made" / "there.txt").read_text() == "old"

    undone = [offered["undo_change"]() for _ in range(5)]

    assert undone == [
        "Restored src/main.py.",
        "Restored notes.md.",
        "Restored made/there.txt.",
        "Restored new.txt, made/there.txt.",
        "Restored new.txt.",
    ]
    assert (root / "notes.md").read_text() == "one\ntwo\nthree\n"
    assert (root / "src" / "main.py").read_text().startswith("def total")
    assert not (root / "new.txt").exists()
    with pytest.raises(ToolError, match="no change to take back"):
        offered["undo_change"]()


def test_a_file_that_others_changed_is_not_restored(root: Path) -> None:
    """Their work would be lost."""
    offered = tools(root)
    offered["edit_file"]("notes.md", "two", "2")
    (root / "notes.md").write_text("mine")

    with pytest.raises(ToolError, match="changed again by others"):
        offered["undo_change"]()

    assert (root / "notes.md").read_text() == "mine"


def test_old_changes_are_forgotten(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that they do not fill the memory."""
    monkeypatch.setattr(undo_log, "_MAX_CHANGES", 1)
    offered = tools(root)
    offered["edit_file"]("notes.md", "one", "1")
    offered["edit_file"]("notes.md", "two", "2")

    offered["undo_change"]()

    with pytest.raises(ToolError, match="no change"):
        offered["undo_change"]()


def test_nothing_is_replaced_by_a_move(root: Path) -> None:
    """And what does not exist cannot be moved or deleted."""
    offered = tools(root)

    with pytest.raises(ToolError, match="exists already"):
        offered["move_file"]("notes.md", "src/main.py")
    with pytest.raises(ToolError, match="does not exist"):
        offered["move_file"]("none.md", "other.md")
    with pytest.raises(ToolError, match="does not exist"):
        offered["delete_file"]("none.md")
    with pytest.raises(ToolError, match="is a folder"):
        offered["delete_file"]("src")
    assert (root / "notes.md").exists()


@pytest.mark.parametrize(
    "path", ["../secret.txt", "link.txt", ".git/config", "/etc/passwd", "src/../../secret.txt"]
)
def test_no_change_leaves_the_folder(path: str, root: Path) -> None:
    """Neither by a path nor by a link."""
    offered = tools(root)
    calls: tuple[Callable[[], object], ...] = (
        lambda: offered["edit_file"](path, "secret", "x"),
        lambda: offered["apply_diff"](path, "@@ -1 +1 @@\n-the secret\n+x\n"),
        lambda: offered["move_file"](path, "mine.txt"),
        lambda: offered["move_file"]("notes.md", path),
        lambda: offered["delete_file"](path),
        lambda: offered["grep_files"]("secret", path),
        lambda: offered["file_tree"](path),
    )

    for call in calls:
        with pytest.raises(ToolError):
            call()

    assert (root.parent / "secret.txt").read_text() == "the secret"
    assert (root / ".git" / "config").read_text() == "[core]\n"
    assert (root / "notes.md").exists()


def test_what_is_not_utf_8_is_not_edited(root: Path) -> None:
    """Nor what is too large to be brought back."""
    (root / "data.bin").write_bytes(b"\xff\xfe\x00\x01")
    (root / "wide.txt").write_bytes("text".encode("utf-16"))
    (root / "big.txt").write_bytes(b"x" * 2_000_001)
    offered = tools(root)

    for name in ("data.bin", "wide.txt"):
        with pytest.raises(ToolError, match="not text in UTF-8"):
            offered["edit_file"](name, "x", "y")
    with pytest.raises(ToolError, match="too many to be brought back"):
        offered["delete_file"]("big.txt")
    with pytest.raises(ToolError, match="cannot be stored"):
        offered["edit_file"]("notes.md", "one", "\ud800")


def test_the_outcome_of_a_change_is_found_in_the_files(root: Path) -> None:
    """By what the files show."""
    offered = tools(root)
    edit, move, delete = (offered[name] for name in ("edit_file", "move_file", "delete_file"))
    changed = {"path": "src/main.py", "diff": "@@ -1 +1 @@\n-def total(a):\n+def total(b):\n"}
    edited = {"path": "notes.md", "old_text": "two", "new_text": "2"}
    moved = {"path": "notes.md", "new_path": "n.md"}
    deleted = {"path": "n.md"}
    for each, arguments in ((edit, edited), (move, moved), (offered["apply_diff"], changed)):
        assert each.find_outcome is not None
        assert each.find_outcome(None, arguments) is None
        each(**arguments)
        assert each.find_outcome(None, arguments)
    assert delete.find_outcome is not None
    assert delete.find_outcome(None, deleted) is None
    delete(**deleted)
    assert delete.find_outcome(None, deleted) == "Deleted n.md."


def test_files_are_found_by_pattern(root: Path) -> None:
    """Within a folder, across folders, and page by page."""
    glob = tools(root)["glob_files"]

    assert glob("*.md").text == "notes.md"
    assert glob("**/*.py").text == "src/main.py\nsrc/deep/test_main.py"
    assert glob("src/*.py").text == "src/main.py"
    assert glob("src/**/test_*.py").text == "src/deep/test_main.py"
    assert glob("./src/[lm]ain.p?").text == "src/main.py"
    assert glob("src/[!m]*.py").text == "[no file fits 'src/[!m]*.py']"
    assert glob("**", 1).text.startswith("src/")
    assert structured(glob("*.md")) == {"paths": ["notes.md"], "next_offset": None}
    with pytest.raises(ToolError, match="no pattern for files"):
        glob("[z-a]")


def test_lines_are_found_by_expression(root: Path) -> None:
    """In linear time; what cannot be matched so is refused."""
    grep = tools(root)["grep_files"]
    (root / "long.txt").write_text("a" * 1_900 + "\n" + "match\n" * 150)

    assert grep(r"def \w+", ".", "**/*.py").text.splitlines() == [
        "src/main.py:1: def total(a):",
        "src/deep/test_main.py:1: def test_total():",
    ]
    assert grep("nothing here").text == "[no line matches 'nothing here']"
    assert grep("^match$").text.endswith("[cut; go on with offset=100]")
    found = structured(grep("^match$"))
    assert found["lines"][1] == {"path": "long.txt", "line": 3, "text": "match"}
    assert (len(found["lines"]), found["next_offset"]) == (100, 100)
    assert len(grep("^match$", ".", "**", 100).text.splitlines()) == 50
    assert grep("(a+)+$", ".", "long.txt").text.startswith("long.txt:1: aaa")
    with pytest.raises(ToolError, match="look-around"):
        grep(r"(?=a)b")
    with pytest.raises(ToolError, match="it is invalid"):
        grep("(")


def test_a_tree_is_shown(root: Path) -> None:
    """To a depth; what is hidden or a link is not part of it."""
    tree = tools(root)["file_tree"]

    assert tree() == "notes.md\nsrc/\n  deep/\n    test_main.py\n  main.py"
    assert tree(".", 1) == "notes.md\nsrc/\n[3 more further down; raise depth to see them]"
    assert tree("src", 1).splitlines()[:2] == ["deep/", "main.py"]


def test_changes_of_files_need_approval(root: Path) -> None:
    """Unless the caller allows them."""
    asking, allowed = files(root, allow_write=True), files(root, allow_write=True, approval="allow")

    assert [each.name for each in asking if each.approval == "ask"] == [
        *("write_file", "edit_file", "apply_diff", "move_file", "delete_file", "undo_change")
    ]
    assert {each.approval for each in allowed} == {"allow"}
    assert all(each.annotations.read_only_hint for each in files(root))
