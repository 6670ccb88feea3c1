"""Which processes are the command line of agentkit."""

import signal

import pytest

from agentkit.quiet_start import begin_quiet_start, end_quiet_start, is_command

PROCESSES = {
    "the script": (["/usr/bin/agentkit", "run"], ["python", "/usr/bin/agentkit", "run"], True),
    "the script on Windows": (["agentkit.exe"], ["python", "agentkit.exe"], True),
    "the module": (["-m", "run"], ["python", "-P", "-m", "agentkit", "run"], True),
    "another module": (["-m", "agentkit"], ["python", "-m", "pytest", "agentkit"], False),
    "another script": (["serve.py"], ["python", "serve.py"], False),
    "code": (["-c"], ["python", "-c", "import agentkit"], False),
    "an embedded interpreter": ([], [], False),
    "a module without its name": (["-m"], ["python"], False),
}


@pytest.mark.parametrize(("argv", "original", "expected"), PROCESSES.values(), ids=PROCESSES.keys())
def test_only_the_command_starts_quietly(
    argv: list[str], original: list[str], *, expected: bool
) -> None:
    """Programs that import agentkit keep their handling of Ctrl-C."""
    assert is_command(argv, original) == expected


def test_the_handler_is_set_only_in_place_of_pythons_own() -> None:
    """A process that ignores SIGINT, as in the background of a shell, goes on to ignore it."""
    before = signal.getsignal(signal.SIGINT)
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        begin_quiet_start()
        ignored = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        begin_quiet_start()
        quiet = signal.getsignal(signal.SIGINT)
        end_quiet_start()
        after = signal.getsignal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)

    assert ignored is signal.SIG_IGN
    assert quiet not in (signal.SIG_IGN, signal.default_int_handler)
    assert after is signal.default_int_handler
