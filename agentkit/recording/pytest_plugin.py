"""A pytest plugin: record the exchanges of a test with providers, and replay them.

In:  `pytest_plugins = ["agentkit.recording.pytest_plugin"]`, and the option `--agentkit-record`.
Out: the fixture `recording`, one file per test, in a folder `recordings` next to the test's file.

The file is kept only when the test passes. A test that runs on several event loops has one file.

PYTEST_DONT_REWRITE: it may be imported before pytest loads it as a plugin.
"""

import hashlib
import re
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from agentkit.config.load import resolve_model
from agentkit.model.build import DIALECTS
from agentkit.model.downgrade import LearnedProfiles
from agentkit.model.model import Model
from agentkit.model.provider_model import ProviderModel
from agentkit.recording.exchange_redaction import Redaction
from agentkit.recording.record_replay import Recorder, RecordMode

_OPTION = "--agentkit-record"
_MODES: Mapping[RecordMode, str] = {
    "replay": "answer from the recordings only (the default)",
    "record": "send every request, and write new recordings",
    "new": "send the requests that the recordings lack",
    "off": "send every request, and leave the recordings alone",
}
_NO_KEY = "replayed"
_PASSED = pytest.StashKey[bool]()
_UNFIT = re.compile(r"[^\w.\[\]-]+")
_MAX_NAME_CHARS = 100


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that selects where responses come from."""
    parser.getgroup("agentkit").addoption(
        _OPTION,
        choices=list(_MODES),
        default="replay",
        help="; ".join(f"{mode}: {meaning}" for mode, meaning in _MODES.items()),
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Store whether the test itself passed, for the teardown of the fixture."""
    report = yield
    if call.when == "call":
        item.stash[_PASSED] = report.passed
    return report


@pytest.fixture
def recording_redaction() -> Redaction:
    """Return what else is secret; override it in a conftest or a test file."""
    return Redaction()


@pytest.fixture
def recording(request: pytest.FixtureRequest, recording_redaction: Redaction) -> Iterator[Recorder]:
    """Open the recording of this test.

    Pass it to `recorded_model`, or use `recording.wrap(...)` as a transport.
    """
    mode: RecordMode = request.config.getoption(_OPTION)
    recorder = Recorder(recording_path(request.node), mode=mode, redaction=recording_redaction)
    yield recorder
    if request.node.stash.get(_PASSED, False):
        recorder.finish()


def recorded_model(name: str, recorder: Recorder, *, api_key: str | None = None) -> Model:
    """Return the model called `name`, reached through a recording.

    Args:
        name: `provider:family-or-id`.
        recorder: the fixture `recording`, or another open recorder.
        api_key: in place of the environment's; a replay needs no key and starts no server.

    Raises:
        ConfigError: the provider is not known, or its key is needed and missing.
    """
    is_replay = recorder.mode == "replay"
    resolved = resolve_model(name, api_key=_NO_KEY if is_replay else api_key)
    if is_replay:
        resolved = replace(resolved, provider=replace(resolved.provider, launcher=None))
    return ProviderModel(
        resolved,
        dialects=DIALECTS,
        transport=recorder.open_transport,
        learned=LearnedProfiles(),  # earlier refusals must not change the requests
    )


def recording_path(item: pytest.Item) -> Path:
    """Return the path of the recording of a test, from its folder, file and name."""
    name = _without_event_loop(".".join(item.nodeid.split("::")[1:]), item)
    fit = _UNFIT.sub("_", name)
    if fit != name or len(fit) > _MAX_NAME_CHARS:
        digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8]
        fit = f"{fit[:_MAX_NAME_CHARS]}-{digest}"
    return item.path.parent / "recordings" / item.path.stem / f"{fit}.toml"


def _without_event_loop(name: str, item: pytest.Item) -> str:
    """Return the name without the event loop, which changes no request."""
    parameters: Mapping[str, object] = getattr(getattr(item, "callspec", None), "params", {})
    match parameters.get("anyio_backend"):
        case str(loop) | (str(loop), *_):
            start, _, ids = name.partition("[")
            parts = ids.removesuffix("]").split("-")
            if loop not in parts:  # the project gave it its own id
                return name
            parts.remove(loop)
            return f"{start}[{'-'.join(parts)}]" if parts else start
        case _:
            return name
