"""The pytest plugin, in a pytest of its own."""

from pathlib import Path

import anyio
import pytest
import trio

import agentkit.testing
from agentkit.recording.record_replay import Recorder

pytest_plugins = ["pytester"]

LOADED = (anyio, trio, agentkit.testing, Recorder)
"""What a pytest inside a pytest would load and forget for every run, if it were not here."""

TESTS = """
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agentkit.transport.base import WireResponse
from agentkit.wire import WireHead, WireRequest

CALLS = []


class Provider:
    @asynccontextmanager
    async def exchange(self, request):
        CALLS.append(request)

        async def chunks():
            yield b"it says: "
            yield Path("answer.txt").read_bytes()

        yield WireResponse(head=WireHead(status=200), chunks=chunks())

    async def aclose(self):
        pass


@pytest.fixture(params=["asyncio", ("trio", {})], ids=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


async def ask(transport, text):
    async with transport.exchange(WireRequest(path="/chat", body=text.encode())) as answer:
        return b"".join([chunk async for chunk in answer.chunks])


@pytest.mark.parametrize("text", ["plain", "a/b c"])
async def test_ask(recording, text):
    transport = recording.wrap(Provider(), secrets=["secret-key"])
    said = await ask(transport, text)
    assert said == b"it says: " + Path("expected.txt").read_bytes()


async def test_alone(recording):
    assert await ask(recording.wrap(Provider()), "x")


class TestGroup:
    def test_nothing(self, recording):
        assert recording.exchanges == ()
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Make a project whose tests use the plugin."""
    pytester.makeini("[pytest]\nanyio_mode = auto\nfilterwarnings = error\n")
    pytester.makeconftest('pytest_plugins = ["agentkit.recording.pytest_plugin"]')
    pytester.makepyfile(test_it=TESTS)
    _says(pytester, provider="yes", expected="yes")
    return pytester


def _says(project: pytest.Pytester, *, provider: str, expected: str) -> None:
    """Set what the provider answers and what the tests want."""
    (project.path / "answer.txt").write_text(provider)
    (project.path / "expected.txt").write_text(expected)


def _run(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    others = ("cacheprovider", "xdist", "cov", "pytest_cov", "hypothesispytest", "timeout")
    without = [f"-pno:{name}" for name in others]
    return project.runpytest_inprocess(*without, *options)


def _files(project: pytest.Pytester) -> list[str]:
    root = project.path / "recordings"
    return sorted(str(file.relative_to(root)) for file in root.rglob("*.toml"))


def test_what_was_recorded_is_replayed_without_the_provider(project: pytest.Pytester) -> None:
    """One file per test next to the test's file, for all event loops."""
    _run(project, "--agentkit-record=record").assert_outcomes(passed=7)
    _says(project, provider="no", expected="yes")

    _run(project).assert_outcomes(passed=7)

    first, second, third = _files(project)
    assert (first, third) == ("test_it/test_alone.toml", "test_it/test_ask[plain].toml")
    assert second.startswith("test_it/test_ask[a_b_c]-")


def test_without_recordings_a_test_fails_and_says_how_to_make_one(
    project: pytest.Pytester,
) -> None:
    """The default never goes to the network."""
    result = _run(project)

    result.assert_outcomes(passed=1, failed=6)
    result.stdout.fnmatch_lines(["*RecordingError: There is no response for POST /chat: *"])


def test_a_failed_test_leaves_its_recording(project: pytest.Pytester) -> None:
    """Recording anew cannot lose what worked."""
    _run(project, "--agentkit-record=record").assert_outcomes(passed=7)
    _says(project, provider="no", expected="yes")

    _run(project, "--agentkit-record=record").assert_outcomes(passed=3, failed=4)

    _run(project).assert_outcomes(passed=7)


def test_the_mode_off_asks_the_provider_and_makes_no_file(project: pytest.Pytester) -> None:
    """For a look at the real thing."""
    _run(project, "--agentkit-record=off").assert_outcomes(passed=7)

    assert _files(project) == []


def test_the_mode_new_records_what_is_missing(project: pytest.Pytester) -> None:
    """What exists is not asked for again."""
    _run(project, "--agentkit-record=new", "-k", "plain").assert_outcomes(passed=2, deselected=5)
    _says(project, provider="no", expected="yes")

    _run(project, "--agentkit-record=new", "-k", "plain or alone").assert_outcomes(
        passed=4, deselected=3
    )


def test_what_is_recorded_and_not_asked_for_is_an_error(project: pytest.Pytester) -> None:
    """The recording of a test that has changed is noticed."""
    _run(project, "--agentkit-record=record", "-k", "alone").assert_outcomes(passed=2, deselected=5)
    project.makepyfile(test_it="def test_alone(recording):\n    pass\n")

    result = _run(project)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*RecordingError: 1 of 1 exchanges of *were not requested*"])


def test_the_rules_for_secrets_can_be_set_for_a_project(project: pytest.Pytester) -> None:
    """By a fixture of the same name."""
    project.makeconftest(
        """
import pytest
from agentkit.recording.exchange_redaction import Redaction

pytest_plugins = ["agentkit.recording.pytest_plugin"]

@pytest.fixture
def recording_redaction():
    return Redaction(secrets=["it says: yes"])
"""
    )

    _run(project, "--agentkit-record=record", "-k", "alone").assert_outcomes(passed=2, deselected=5)

    text = Path(project.path / "recordings/test_it/test_alone.toml").read_text()
    assert "it says" not in text
    assert "['REDACTED']" in text


def test_a_very_long_name_makes_a_file_all_the_same(project: pytest.Pytester) -> None:
    """Names of files have a limit that names of tests have not."""
    name = "test_" + "a" * 300
    body = f"def {name}(recording):\n    assert len(recording.path.name) < 130\n"
    project.makepyfile(test_it=body)

    _run(project).assert_outcomes(passed=1)


def test_an_event_loop_with_an_id_of_its_own_stays_in_the_name(project: pytest.Pytester) -> None:
    """A name is shortened only if that is certain."""
    project.makepyfile(test_it=TESTS.replace('ids=["asyncio", "trio"]', 'ids=["one", "two"]'))

    _run(project, "--agentkit-record=record", "-k", "alone").assert_outcomes(passed=2, deselected=5)

    assert _files(project) == ["test_it/test_alone[one].toml", "test_it/test_alone[two].toml"]
