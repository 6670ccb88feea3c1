"""The files tools work inside one folder, and never outside."""

import os
import stat
from pathlib import Path

import pytest

import agentkit_tools.files as family
from agentkit import ConfigError, Tool, ToolError
from agentkit_tools.files import files, visit
from agentkit_tools.files.folder import Folder, PathFault
from tests.tool_results import structured


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Build a folder with a few files, next to a secret."""
    (tmp_path / "secret.txt").write_text("the secret")
    root = tmp_path / "root"
    (root / "docs" / "deep").mkdir(parents=True)
    (root / "notes.txt").write_text("Pay the Invoice\nbuy milk\n")
    (root / "docs" / "plan.md").write_text("no invoice here\n")
    (root / "docs" / "deep" / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x01")
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("invoice")
    return root


def named(root: Path, name: str) -> Tool:
    """Return one of the tools for `root`."""
    return next(tool for tool in files(root, allow_write=True) if tool.name == name)


def test_a_text_file_is_read(root: Path) -> None:
    """By its relative path, and by its absolute path if that is inside."""
    read_file = named(root, "read_file")

    assert read_file("notes.txt") == "Pay the Invoice\nbuy milk\n"
    assert read_file("./docs/plan.md") == "no invoice here\n"
    assert read_file(str(root / "notes.txt")) == "Pay the Invoice\nbuy milk\n"
    assert read_file("notes.txt", first_line=2) == "buy milk\n"


ESCAPES = {
    "up": "../secret.txt",
    "up in the middle": "docs/../../secret.txt",
    "backslashes": "..\\secret.txt",
    "absolute": "/etc/passwd",
    "home": "~/secret.txt",
    "a link to a file": "link.txt",
    "a link to a folder": "outside/secret.txt",
    "a link back inside": "inside.txt",
    "hidden": ".git/config",
    "zero": "notes.txt\0.png",
    "too long": "a/" * 600 + "b",
}


@pytest.mark.parametrize("tool_name", ["read_file", "write_file"])
@pytest.mark.parametrize("path", ESCAPES.values(), ids=ESCAPES.keys())
def test_no_path_leads_outside(root: Path, tool_name: str, path: str) -> None:
    """Neither for reading nor for writing; the secret is unchanged."""
    (root / "link.txt").symlink_to(root.parent / "secret.txt")
    (root / "outside").symlink_to(root.parent, target_is_directory=True)
    (root / "inside.txt").symlink_to(root / "notes.txt")
    tool = named(root, tool_name)
    arguments = {"path": path} | (
        {"content": "x", "overwrite": True} if tool_name == "write_file" else {}
    )

    with pytest.raises(ToolError):
        tool(**arguments)

    assert (root.parent / "secret.txt").read_text() == "the secret"
    assert (root / "notes.txt").read_text().startswith("Pay")


def test_a_folder_that_is_replaced_by_a_link_after_opening_cannot_lead_outside(root: Path) -> None:
    """The open descriptor counts, not the name."""
    folder = Folder.at(root)

    with folder.open_folder("docs") as descriptor:
        (root / "docs").rename(root / "moved")
        (root / "docs").symlink_to(root.parent, target_is_directory=True)
        os.stat("plan.md", dir_fd=descriptor)
        with pytest.raises(PathFault, match=r"symbolic link|not a folder"):
            folder.read("docs/secret.txt", max_bytes=10)


NOT_FILES = {
    "missing": ("nothing.txt", "does not exist"),
    "a folder": ("docs", "is not a file|is a folder"),
    "the folder itself": (".", "is a folder"),
    "a file as a folder": ("notes.txt/x", "does not exist"),
    "binary": ("docs/deep/photo.png", "a PNG image of 10 bytes"),
    "a pipe": ("pipe", "is not a file"),
    "a long name": ("n" * 300, "too long a name"),
}


@pytest.mark.parametrize(("path", "words"), NOT_FILES.values(), ids=NOT_FILES.keys())
def test_an_unreadable_path_is_an_error_with_the_reason(root: Path, path: str, words: str) -> None:
    """A named pipe does not make the reader wait."""
    os.mkfifo(root / "pipe")

    with pytest.raises(ToolError, match=words):
        named(root, "read_file")(path)


TEXTS = {
    "UTF-8": ("grüß".encode(), "grüß"),
    "with its mark": (b"\xef\xbb\xbfhi", "hi"),
    "UTF-16": ("hi".encode("utf-16"), "hi"),
    "empty": (b"", "[file is empty]"),
}


@pytest.mark.parametrize(("data", "text"), TEXTS.values(), ids=TEXTS.keys())
def test_text_is_decoded(root: Path, data: bytes, text: str) -> None:
    """In UTF-8, and in encodings with a byte order mark."""
    (root / "file").write_bytes(data)

    assert named(root, "read_file")("file") == text


@pytest.mark.parametrize("data", [b"\xff\xfe\xfd", b"a\x00b", b"\xe4"], ids=["odd", "zero", "cut"])
def test_a_file_that_is_not_text_is_described(root: Path, data: bytes) -> None:
    """With its size."""
    (root / "file").write_bytes(data)

    with pytest.raises(ToolError, match=r"binary data of \d bytes"):
        named(root, "read_file")("file")


def test_a_long_file_is_read_in_parts(root: Path) -> None:
    """The note contains the next position, and it is right."""
    lines = [f"line {number}\n" for number in range(1, 20_001)]
    (root / "long.txt").write_text("".join(lines))
    read_file = named(root, "read_file")

    first = str(read_file("long.txt"))
    shown, _, note = first.rpartition("\n[cut here; go on with first_line=")
    next_line = int(note.partition(" ")[0])
    second = str(read_file("long.txt", first_line=next_line))

    assert len(shown) == family.MAX_SHOWN_CHARACTERS
    assert second.startswith(f"line {next_line}\n")
    with pytest.raises(ToolError, match="has 20000 lines"):
        read_file("long.txt", first_line=20_001)


def test_a_huge_file_is_truncated_with_a_note(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An incomplete character at the end is omitted."""
    monkeypatch.setattr(family, "MAX_READ_BYTES", 5)
    (root / "huge.txt").write_text("abcdüxyz")

    assert named(root, "read_file")("huge.txt") == "abcd\n[cut here: of 9 bytes, 5 can be read]"


def test_files_are_listed_with_their_sizes(root: Path) -> None:
    """In order, folders with a slash, without links and hidden names."""
    (root / "link").symlink_to(root / "notes.txt")

    listed = named(root, "list_files")()

    assert listed.text == (
        "docs/\nnotes.txt (25 bytes)\ndocs/deep/\ndocs/plan.md (16 bytes)\n"
        "docs/deep/photo.png (10 bytes)"
    )
    docs, notes, *_ = structured(listed)["entries"]
    assert (docs["path"], docs["is_folder"]) == ("docs", True)
    assert notes == {"path": "notes.txt", "is_folder": False, "size_bytes": 25}
    assert not structured(listed)["is_cut"]


PATTERNS = {
    "by name": (("docs", "*.md"), "docs/plan.md (16 bytes)"),
    "by path": ((".", "docs/*.md"), "docs/plan.md (16 bytes)"),
    "at any depth": ((".", "**/*.txt"), "notes.txt (25 bytes)"),
    "nothing": ((".", "*.xyz"), "[nothing in '.' fits '*.xyz']"),
}


@pytest.mark.parametrize(("given", "listed"), PATTERNS.values(), ids=PATTERNS.keys())
def test_a_pattern_narrows_the_list(root: Path, given: tuple[str, str], listed: str) -> None:
    """It is matched with the name and with the complete path."""
    assert named(root, "list_files")(*given).text == listed


def test_long_lists_are_truncated_with_a_note(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with too many files is an error if all would have to be visited."""
    monkeypatch.setattr(family, "MAX_LISTED", 2)
    monkeypatch.setattr(family, "MAX_MATCHES", 1)
    (root / "more.txt").write_text("invoice\ninvoice\n")

    listed = named(root, "list_files")().text
    found = named(root, "search_files")("invoice").text
    monkeypatch.setattr(family, "MAX_VISITED", 3)

    assert listed.splitlines()[2:] == [
        "[cut: there are more than 2; narrow the path or the pattern]"
    ]
    assert found.splitlines()[1:] == ["[cut: more than 1 lines; search for less]"]
    with pytest.raises(ToolError, match="more than 3 files"):
        named(root, "search_files")("nowhere to be found")


def test_text_is_found_whatever_its_case(root: Path) -> None:
    """With its line; files that are not text are counted."""
    found = named(root, "search_files")("invoice")

    assert found.text == (
        "notes.txt:1: Pay the Invoice\ndocs/plan.md:1: no invoice here\n"
        "[not searchable: 1 that are not text, too large or not readable]"
    )
    assert structured(found) == {
        "lines": [
            {"path": "notes.txt", "line": 1, "text": "Pay the Invoice"},
            {"path": "docs/plan.md", "line": 1, "text": "no invoice here"},
        ],
        "is_cut": False,
        "not_searchable": 1,
    }
    assert named(root, "search_files")("invoice", pattern="*.md").text == (
        "docs/plan.md:1: no invoice here"
    )
    assert named(root, "search_files")(
        "xyz", pattern="*.md"
    ).text == "['xyz' was not found in '.']".replace("['xyz'", "['xyz'")


def test_files_that_are_too_large_or_gone_are_not_searched(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are counted instead."""
    monkeypatch.setattr(family, "MAX_READ_BYTES", 20)

    found = named(root, "search_files")("no invoice").text

    def gone(*_: object, **__: object) -> tuple[bytes, int]:
        raise FileNotFoundError

    monkeypatch.setattr(visit, "read_at", gone)
    nothing = named(root, "search_files")("no invoice").text

    assert found.splitlines() == [
        "docs/plan.md:1: no invoice here",
        "[not searchable: 2 that are not text, too large or not readable]",
    ]
    assert nothing == "[not searchable: 3 that are not text, too large or not readable]"


def test_a_file_is_written_atomically(root: Path) -> None:
    """Missing folders are created, and no temporary file remains."""
    expected = named(root, "write_file")("new/deep/file.txt", "grüß\n")

    assert expected == "Wrote new/deep/file.txt (7 bytes)."
    assert (root / "new/deep/file.txt").read_text() == "grüß\n"
    assert list((root / "new/deep").iterdir()) == [root / "new/deep/file.txt"]


@pytest.mark.parametrize(
    "name", ["天" * 80 + ".md", "é" * 127, "x" * 255, "🦄" * 63], ids=["CJK", "é", "ASCII", "emoji"]
)
def test_a_file_with_the_longest_name_is_written(root: Path, name: str) -> None:
    """A name may have 255 bytes, which are fewer characters in most scripts."""
    write_file = named(root, "write_file")

    assert write_file(name, "a").endswith("(1 bytes).")
    assert write_file(name, "ab", overwrite=True).endswith("(2 bytes).")

    assert (root / name).read_text() == "ab"
    assert list(root.glob(".agentkit*")) == []


def test_a_file_is_replaced_only_if_the_call_asks_for_it(root: Path) -> None:
    """Its permissions are kept."""
    write_file = named(root, "write_file")
    (root / "notes.txt").chmod(0o600)

    with pytest.raises(ToolError, match="exists already; set overwrite"):
        write_file("notes.txt", "gone")
    assert (root / "notes.txt").read_text().startswith("Pay")
    assert write_file("notes.txt", "new", overwrite=True) == "Replaced notes.txt (3 bytes)."

    assert (root / "notes.txt").read_text() == "new"
    assert stat.S_IMODE((root / "notes.txt").stat().st_mode) == 0o600


REFUSED_WRITES = {
    "over a folder": ("docs", "x", "is a folder, a link or a device"),
    "to no file": ("", "x", "is a folder"),
    "too much": ("big.txt", "x" * (family.MAX_WRITE_BYTES + 1), "2,000,000 are allowed"),
    "half a character": ("odd.txt", "\ud800", "cannot be stored as UTF-8"),
}


@pytest.mark.parametrize(
    ("path", "content", "words"), REFUSED_WRITES.values(), ids=REFUSED_WRITES.keys()
)
def test_a_path_that_cannot_be_written_is_an_error_with_the_reason(
    root: Path, path: str, content: str, words: str
) -> None:
    """And nothing is written."""
    before = sorted(root.rglob("*"))

    with pytest.raises(ToolError, match=words):
        named(root, "write_file")(path, content, overwrite=True)

    assert sorted(root.rglob("*")) == before


def test_the_write_tool_exists_only_if_writing_is_allowed(root: Path) -> None:
    """It is marked as destructive."""
    names = [tool.name for tool in files(root)]
    write_file = named(root, "write_file")

    assert names == [
        *("read_file", "list_files", "search_files"),
        *("glob_files", "grep_files", "file_tree"),
    ]
    assert write_file.annotations.destructive_hint
    assert not write_file.annotations.read_only_hint


def test_the_root_must_be_a_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the system must be able to open files relative to it."""
    with pytest.raises(ConfigError, match="is not a folder"):
        files(root / "notes.txt")
    monkeypatch.setattr(os, "supports_dir_fd", set[object]())
    with pytest.raises(ConfigError, match="cannot open files relative"):
        files(root)


def test_a_file_that_is_deleted_during_a_walk_is_skipped(root: Path) -> None:
    """Other programs may work in the folder too."""
    walk = Folder.at(root).walk(".")
    first = next(walk)
    (root / "notes.txt").unlink()

    assert first[0].path == "docs"
    assert "notes.txt" not in [entry.path for entry, _, _ in walk]
