"""The tiny model and one server for it, made once for all tests of this folder."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from tests.local.one_thread import launch_with_one_thread
from tests.local.smollm2 import find_weights


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the tiny model; needs the packages gguf, numpy and sentencepiece."""
    pytest.importorskip("gguf")
    path = tmp_path_factory.mktemp("weights") / "tiny_mixtral.gguf"
    import_module("tests.local.tiny_mixtral").write_model(path)
    return path


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """Return the weights of a real model, which are downloaded once."""
    pytest.importorskip("xllamacpp")
    return find_weights()


@pytest.fixture(scope="session")
def base_url(weights: Path) -> Iterator[str]:
    """Launch llama.cpp's server on the tiny model."""
    pytest.importorskip("xllamacpp")
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(launch_with_one_thread(str(weights))) as server,
    ):
        yield server.base_url


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the stand-in first on the import path of this process and its children."""
    path = tmp_path / "xllamacpp.py"
    path.write_text(Path(__file__).with_name("stand_in.py").read_text())
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return path


@pytest.fixture
def own_catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a user's own catalog that changes only the launcher of the weights."""
    pytest.importorskip("xllamacpp")
    path = tmp_path / "catalog.toml"
    launcher = "launcher = 'tests.local.one_thread:launch_with_one_thread'\n"
    path.write_text(f"[local]\n{launcher}[local-completions]\n{launcher}")
    monkeypatch.setenv("AGENTKIT_CATALOG", str(path))


@pytest.fixture(scope="session")
def client(base_url: str) -> Iterator[httpx.Client]:
    """Open a connection per request: this server closes one after a stream without notice."""
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=base_url, limits=limits, timeout=60, trust_env=False) as client:
        yield client
