"""A command sees its folder and a read-only system, or it does not run."""

import os
import platform
import shutil
import struct
import sys
from functools import partial
from pathlib import Path

import anyio
import pytest

from agentkit import ConfigError, ToolError
from agentkit_tools.isolation import CommandLimits, Isolation, bubblewrap, command, pids_cgroup
from agentkit_tools.isolation.command import check_isolation, run_isolated
from agentkit_tools.isolation.kept_output import KeptOutputs
from agentkit_tools.isolation.seccomp import build_filter
from agentkit_tools.isolation.usage import measure


async def test_a_command_works_in_its_folder(tmp_path: Path) -> None:
    """Its output has both streams in order; its exit code is its own."""
    seen = []

    async def listen(chunk: bytes) -> None:
        seen.append(chunk)

    ended = await run_isolated(
        Isolation.at(tmp_path),
        ["/bin/sh", "-c", "read line; echo $line > made; pwd; echo err >&2; exit 7"],
        stdin=b"hello\n",
        on_output=listen,
    )

    assert (ended.exit_code, ended.killed) == (7, None)
    assert ended.output.decode() == f"{tmp_path}\nerr\n"
    assert b"".join(seen) == ended.output
    assert (tmp_path / "made").read_text() == "hello\n"


def run(isolation: Isolation, text: str) -> tuple[int | None, str]:
    """Run a command of a shell; return its exit code and output."""
    ended = anyio.run(partial(run_isolated, isolation, ["/bin/sh", "-c", text]))
    return ended.exit_code, ended.output.decode()


def test_a_folder_can_be_read_only(tmp_path: Path) -> None:
    """`/tmp` is the command's own and can be written in any case."""
    (tmp_path / "there").write_text("x")

    code, output = run(
        Isolation.at(tmp_path, is_writable=False), "cat there; touch /tmp/a && touch there"
    )

    assert code == 1
    assert output.startswith("x")
    assert "Read-only" in output


def test_other_folders_and_the_network_can_be_allowed(tmp_path: Path) -> None:
    """Further folders to read, and the network."""
    (tmp_path / "work").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "there").write_text("x")
    isolation = Isolation.at(tmp_path / "work", readable=[tmp_path / "data"], network=True)

    code, output = run(isolation, f"cat {tmp_path}/data/there; ls /proc/self/net/fib_trie | wc -l")

    assert (code, output) == (0, "x1\n")


@pytest.mark.parametrize(
    "folder",
    ["/", "/usr", "/usr/local", "/etc", "/etc/ssl", "/tmp", "/home", "~", "/proc", sys.prefix],  # noqa: S108 - refused
)
def test_a_folder_that_holds_more_than_a_project_is_an_error(folder: str) -> None:
    """The message says what to name."""
    with pytest.raises(ConfigError, match="not the folder of one project"):
        Isolation.at(folder)


def test_a_folder_of_the_running_python_is_an_error() -> None:
    """What a command writes there would run outside."""
    with pytest.raises(ConfigError, match="the Python that runs"):
        Isolation.at(Path(sys.prefix) / "bin")


def test_a_folder_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    """The same for a file, and for a folder to read."""
    with pytest.raises(ConfigError, match="not a folder"):
        Isolation.at(tmp_path / "none")
    with pytest.raises(ConfigError, match="not a folder"):
        Isolation.at(tmp_path, readable=[tmp_path / "none"])


def test_without_bubblewrap_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the package and the extra."""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(bubblewrap, "find_spec", lambda _: None)

    with pytest.raises(ConfigError, match=r"'mixtral-agentkit\[bubblewrap\]'"):
        bubblewrap.find_bubblewrap()


def test_the_bubblewrap_of_the_system_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then that of the package."""
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/bwrap")
    assert bubblewrap.find_bubblewrap() == "/usr/bin/bwrap"

    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert bubblewrap.find_bubblewrap().endswith("/bwrap")


def test_without_namespaces_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has what bubblewrap printed; nothing runs without isolation."""
    check_isolation.cache_clear()
    monkeypatch.setattr(command, "find_bubblewrap", lambda: "/bin/false")
    try:
        with pytest.raises(ConfigError, match="user namespaces"):
            check_isolation()
    finally:
        check_isolation.cache_clear()


def test_a_bubblewrap_that_cannot_start_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With the reason."""
    check_isolation.cache_clear()
    monkeypatch.setattr(command, "find_bubblewrap", lambda: str(tmp_path))
    try:
        with pytest.raises(ConfigError, match="Permission denied"):
            check_isolation()
    finally:
        check_isolation.cache_clear()


async def test_a_failure_of_bubblewrap_is_an_error(tmp_path: Path) -> None:
    """Not a result of the command."""
    isolation = Isolation.at(tmp_path)
    gone = Isolation(folder=isolation.folder, readable=(tmp_path / "gone",))

    with pytest.raises(ConfigError, match="gone"):
        await run_isolated(gone, ["true"])
    with pytest.raises(ConfigError, match="no-such-program"):
        await run_isolated(isolation, ["/no-such-program"])


def test_root_needs_a_cgroup(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The kernel does not hold root to a number of processes."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text("1 2 0:3 / /sys/fs/cgroup/none rw - cgroup cgroup rw,memory\n")
    monkeypatch.setattr(pids_cgroup, "_MOUNTS", mounts)

    with pytest.raises(ConfigError, match="run as another user"):
        pids_cgroup.PidsCgroup.create(3)


def test_a_cgroup_of_the_second_version_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """If its children have the controller; those of programs that were killed are removed."""
    stale, living = tmp_path / "agentkit-99999999-a", tmp_path / f"agentkit-{os.getpid()}-a"
    stale.mkdir()
    living.mkdir()
    (tmp_path / "cgroup.subtree_control").write_text("cpu pids\n")
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"1 2 0:3 / {tmp_path} rw - cgroup2 cgroup rw\n")
    monkeypatch.setattr(pids_cgroup, "_MOUNTS", mounts)

    made = pids_cgroup.PidsCgroup.create(3)

    assert (made.folder / "pids.max").read_text() == "3"
    assert (stale.exists(), living.exists()) == (False, True)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_a_filter_allows_what_no_rule_refuses(machine: str) -> None:
    """Its jumps stay inside; its first instructions check the machine type."""
    data = build_filter(machine)
    instructions = [struct.unpack_from("=HBBI", data, at) for at in range(0, len(data), 8)]

    assert instructions[-1] == (0x06, 0, 0, 0x7FFF0000)
    assert instructions[0][3] == 4
    for place, (code, if_true, if_false, _) in enumerate(instructions):
        if code not in (0x06, 0x20):
            assert place + 1 + max(if_true, if_false) < len(instructions)
    assert len(instructions) < 4096


def test_an_unknown_machine_type_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter with wrong numbers would filter nothing."""
    monkeypatch.setattr(platform, "machine", lambda: "vax")
    check_isolation.cache_clear()

    with pytest.raises(ConfigError, match="'vax'"):
        check_isolation()


@pytest.mark.parametrize("name", CommandLimits.__slots__)
def test_a_limit_must_be_above_0(name: str) -> None:
    """Zero would mean none to the kernel, in some cases."""
    with pytest.raises(ValueError, match=name):
        CommandLimits(**{name: 0})


def test_the_use_of_a_process_is_measured() -> None:
    """Exactly if the sum is large."""
    about = measure(os.getpid(), exact_above=2**50)
    exact = measure(os.getpid(), exact_above=0)

    assert about.memory_bytes > exact.memory_bytes > 1_000_000


def test_a_long_output_is_cut_in_the_middle() -> None:
    """The lines left out can be read."""
    outputs = KeptOutputs(max_shown=100)
    data = "".join(f"line {number}\n" for number in range(1, 101)).encode()

    shown = outputs.show(data)

    assert shown.text.startswith("line 1\n")
    assert shown.text.endswith("line 100\n")
    assert "[lines 8 to 94 of 100 are left out]" in shown.text
    assert shown.first_hidden_line == 8
    assert shown.output_id is not None
    rest = outputs.read(shown.output_id, 8)
    assert rest.startswith("line 8\n")
    assert rest.endswith("[cut here; go on with first_line=20 of 100]\n")
    assert outputs.read(shown.output_id, 99) == "line 99\nline 100\n"
    with pytest.raises(ToolError, match="has 100 lines"):
        outputs.read(shown.output_id, 101)
    with pytest.raises(ToolError, match="no output 'other'"):
        outputs.read("other", 1)


def test_a_line_without_end_is_cut_too() -> None:
    """And bytes that are not text are replaced."""
    shown = KeptOutputs(max_shown=5_000).show(b"\xff\0" + b"x" * 100_000)

    assert len(shown.text) < 5_100
    assert "left out" in shown.text
    assert "\0" not in shown.text


def test_old_outputs_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that they do not fill the memory."""
    monkeypatch.setattr("agentkit_tools.isolation.kept_output._MAX_KEPT_CHARACTERS", 1_000)
    outputs = KeptOutputs(max_shown=100)

    first = outputs.show(b"a\n" * 300).output_id
    last = outputs.show(b"b\n" * 300).output_id

    assert first is not None
    assert last is not None
    assert outputs.read(last, 300) == "b\n"
    with pytest.raises(ToolError, match="no output"):
        outputs.read(first, 1)
