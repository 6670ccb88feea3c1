"""A child that announces a URL is started, supervised and stopped, however it behaves."""

import os
import select
import signal
import subprocess
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import anyio
import pytest

from agentkit.errors import ConfigError
from agentkit.local.child_process import run_server

ANNOUNCE = "import sys; print('http://127.0.0.1:1', flush=True); "
UNTIL_INPUT_ENDS = ANNOUNCE + "sys.stdin.read(); "


def python(code: str) -> list[str]:
    """Return the command that runs `code`."""
    return [sys.executable, "-c", code]


def run(code: str, *, start: float = 5.0, stop: float = 5.0) -> AbstractAsyncContextManager[str]:
    """Run `code` as a server, with limits for a test."""
    return run_server(
        python(code), name="The test server", start_timeout_seconds=start, stop_timeout_seconds=stop
    )


async def test_the_announced_url_is_yielded_and_the_child_ends_with_the_context(
    tmp_path: Path,
) -> None:
    """Its standard input is closed, and it has time to finish."""
    ended = tmp_path / "ended"

    with anyio.fail_after(60):
        async with run(UNTIL_INPUT_ENDS + f"open({str(ended)!r}, 'w').write('by itself')") as url:
            assert url == "http://127.0.0.1:1"
            assert not ended.exists()

    assert ended.read_text() == "by itself"


async def test_a_child_that_ends_at_once_is_an_error_with_its_last_lines() -> None:
    """Without duplicates and llama.cpp's timestamps."""
    code = (
        "import sys; sys.stderr.write('0.00.1 E no such tensor\\n0.00.2 E no such tensor\\n');"
        "sys.stderr.write('giving up\\n\\n'); sys.exit(3)"
    )

    with anyio.fail_after(60), pytest.raises(ConfigError) as caught:
        async with run(code):
            pytest.fail("it never started")

    assert str(caught.value) == (
        "The test server did not start: it ended with exit code 3."
        " It said: no such tensor / giving up"
    )


async def test_a_silent_child_that_ends_is_an_error_too() -> None:
    """There may be no reason to show."""
    with anyio.fail_after(60), pytest.raises(ConfigError) as caught:
        async with run("pass"):
            pytest.fail("it never started")

    assert str(caught.value) == "The test server did not start: it ended with exit code 0."


async def test_only_the_end_of_a_long_log_is_shown() -> None:
    """A server may log for minutes before it fails."""
    code = "import sys; sys.stderr.writelines(f'line {n}\\n' for n in range(5000)); sys.exit(1)"

    with anyio.fail_after(60), pytest.raises(ConfigError) as caught:
        async with run(code):
            pytest.fail("it never started")

    assert str(caught.value).endswith(
        "It said: " + " / ".join(f"line {n}" for n in range(4990, 5000))
    )


async def test_a_child_that_never_announces_its_url_is_killed_at_the_timeout() -> None:
    """It does not notice the end of its input either, as while loading."""
    with anyio.fail_after(60), pytest.raises(ConfigError) as caught:
        async with run("import time; time.sleep(600)", start=0.2, stop=0.1):
            pytest.fail("it never started")

    assert str(caught.value) == ("The test server did not start: it was not ready after 0.2 s.")


async def test_a_child_that_does_not_end_with_its_input_is_killed() -> None:
    """Afterwards the system knows no such process."""
    code = "import os, sys, time; print(os.getpid(), flush=True); time.sleep(600)"

    with anyio.fail_after(60):
        async with run(code, stop=0.1) as announced:
            os.kill(int(announced), 0)

    with pytest.raises(ProcessLookupError):
        os.kill(int(announced), 0)


async def test_cancelling_the_start_kills_the_child_at_once(tmp_path: Path) -> None:
    """The caller does not wait until gigabytes are loaded."""
    os.mkfifo(tmp_path / "alive")
    code = f"import time; f = open({str(tmp_path / 'alive')!r}, 'w'); time.sleep(600)"

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(enter, code)
            # Opening a pipe to read waits for the child to open it to write.
            reader = await anyio.open_file(tmp_path / "alive", "rb")
            group.cancel_scope.cancel()
        async with reader:
            assert await reader.read() == b""  # the writer is gone


async def enter(code: str) -> None:
    """Wait for a server that never announces itself."""
    async with run(code, stop=600):
        pytest.fail("it never started")


async def test_an_exception_of_the_body_is_raised_unwrapped_and_ends_the_child() -> None:
    """Without an exception group."""
    with anyio.fail_after(60), pytest.raises(LookupError, match="mine"):
        async with run(UNTIL_INPUT_ENDS):
            raise LookupError("mine")


async def test_a_server_that_dies_while_in_use_is_logged_with_its_last_lines(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its clients see broken connections; the log has the reason."""
    with anyio.fail_after(60):
        async with run(ANNOUNCE + "sys.stderr.write('out of memory\\n'); sys.exit(9)"):
            pass

    assert [(record.levelname, vars(record)["event"]) for record in caplog.records] == [
        ("WARNING", "local_server_died")
    ]
    assert vars(caplog.records[0])["exit_code"] == 9
    assert vars(caplog.records[0])["last_lines"] == "It said: out of memory"


async def test_a_server_that_has_to_be_killed_did_not_die(caplog: pytest.LogCaptureFixture) -> None:
    """The warning is for servers that end by themselves."""
    with anyio.fail_after(60):
        async with run(ANNOUNCE + "import time; time.sleep(600)", stop=0.1):
            pass

    assert caplog.records == []


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    """Even if the parent has no chance to clean up."""
    os.mkfifo(tmp_path / "alive")
    alive = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    child = f"f = open({str(tmp_path / 'alive')!r}, 'wb', 0); f.write(b'x'); {UNTIL_INPUT_ENDS}"
    parent = (
        "import anyio\nfrom agentkit.local.child_process import run_server\n"
        "async def main():\n"
        f"    async with run_server({python(child)!r}, name='x', start_timeout_seconds=60):\n"
        "        await anyio.sleep_forever()\n"
        "anyio.run(main)\n"
    )
    with subprocess.Popen(python(parent)) as process:  # noqa: S603 - our own code
        begun = read_soon(alive)
        process.send_signal(signal.SIGKILL)
        ended = read_soon(alive)
    os.close(alive)

    assert (begun, ended) == (b"x", b"")


def read_soon(pipe: int) -> bytes:
    """Return the next byte, or nothing when the writer has ended; wait for a while."""
    assert select.select([pipe], [], [], 20)[0], "nothing was written, and no one went"
    return os.read(pipe, 1)
