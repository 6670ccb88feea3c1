"""`local:PATH.gguf` starts a server on the weights, or raises one error with the reason."""

import json
import re
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import pytest

from agentkit.config.profile import LaunchedServer, Launcher
from agentkit.errors import ConfigError, MissingExtraError
from agentkit.local.llama_server import launch
from tests.local.one_thread import launch_with_one_thread


async def rejection(model: str) -> str:
    """Return the message of the error of `launch`."""
    with anyio.fail_after(60), pytest.raises(ConfigError) as caught:
        async with launch(model):
            pytest.fail("it must not start")
    return str(caught.value)


async def test_a_model_without_a_path_is_rejected() -> None:
    """`local:` alone is an easy mistake."""
    assert await rejection("") == "'local:' names no weights; write 'local:PATH.gguf'."


async def test_a_file_that_does_not_exist_is_named() -> None:
    """The path is shown as the user wrote it."""
    assert await rejection("no/such.gguf") == (
        "Cannot read the weights at 'no/such.gguf': No such file or directory;"
        " write 'local:PATH.gguf'."
    )


@pytest.mark.parametrize(
    "model",
    ["\0", "~no-such-user-here/x.gguf", "."],
    ids=["no path at all", "no such user", "a folder"],
)
async def test_an_unreadable_path_is_rejected(model: str) -> None:
    """It is one error, whatever the system's reason."""
    assert (await rejection(model)).startswith(f"Cannot read the weights at {model!r}: ")


async def test_a_file_of_another_kind_is_rejected_before_anything_starts(tmp_path: Path) -> None:
    """Weights as safetensors or PyTorch files are a usual mistake."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"PK\x03\x04")

    assert await rejection(str(path)) == (
        f"{str(path)!r} is not a GGUF file; convert the weights with llama.cpp's tools first."
    )


async def test_without_the_extra_the_error_names_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package is looked for, not loaded."""
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF")

    with pytest.raises(MissingExtraError, match=r"install 'mixtral-agentkit\[local\]'"):
        async with launch(str(path)):
            pytest.fail("it must not start")


@pytest.mark.usefixtures("stand_in")
async def test_it_yields_the_url_of_the_openai_format(tmp_path: Path) -> None:
    """Its other formats are below the same URL."""
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF")

    with anyio.fail_after(60):
        async with launch(str(path)) as server:
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", server.base_url)
            assert server.takes_tools  # unknown: this one does not report on its template


@pytest.fixture
def truncated_weights(weights: Path, tmp_path: Path) -> Path:
    """Write a file like that of an interrupted download."""
    path = tmp_path / "cut.gguf"
    path.write_bytes(weights.read_bytes()[:3_000_000])
    return path


async def test_the_error_of_unloadable_weights_contains_llama_cpps_reason(
    truncated_weights: Path,
) -> None:
    """Its log is not shown otherwise."""
    pytest.importorskip("xllamacpp")

    message = await rejection(str(truncated_weights))

    assert message.startswith(
        f"llama.cpp's server for {str(truncated_weights)!r} did not start: "
        "it ended with exit code 1."
    )
    assert "data is not within the file bounds, model is corrupted or incomplete" in message
    assert "Traceback" not in message


async def test_the_server_answers_on_loopback_and_is_gone_afterwards(weights: Path) -> None:
    """Its port is closed when the context is left."""
    pytest.importorskip("xllamacpp")
    launcher: Launcher = launch_with_one_thread

    with anyio.fail_after(60):
        async with launcher(str(weights)) as server:
            assert isinstance(server, LaunchedServer)
            url = server.base_url
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", url)
            assert server.takes_tools
            assert await ask(url, "GET /v1/models HTTP/1.1\r\n\r\n") == "HTTP/1.1 200 OK"

    check_port_is_closed(url)


async def test_a_cancellation_stops_a_busy_server_at_once(weights: Path) -> None:
    """A generation that would take seconds does not delay it."""
    pytest.importorskip("xllamacpp")
    body = '{"prompt": "[INST] hi[/INST]", "max_tokens": 4000, "ignore_eos": true, "stream": true}'
    head = f"POST /v1/completions HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n"

    with anyio.fail_after(60), anyio.CancelScope() as scope:
        async with launch_with_one_thread(str(weights)) as server:
            url = server.base_url
            assert await ask(url, head + body) == "HTTP/1.1 200 OK"
            scope.cancel()
            await anyio.lowlevel.checkpoint()

    check_port_is_closed(url)


async def test_the_same_weights_may_be_served_twice_at_once(weights: Path) -> None:
    """Each server has its own port."""
    pytest.importorskip("xllamacpp")
    request = "GET /v1/models HTTP/1.1\r\n\r\n"

    with anyio.fail_after(60):
        async with (
            launch_with_one_thread(str(weights)) as first,
            launch_with_one_thread(str(weights)) as second,
        ):
            urls = first.base_url, second.base_url
            assert urls[0] != urls[1]
            assert [await ask(url, request) for url in urls] == ["HTTP/1.1 200 OK"] * 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threads": 0}, "'threads' must be 1 or more, not 0."),
        ({"context_window_tokens": -1}, "'context_window_tokens' must be 1 or more, not -1."),
    ],
    ids=["threads", "context"],
)
async def test_a_number_that_is_too_small_is_rejected(
    options: dict[str, int], message: str
) -> None:
    """llama.cpp gives zero and negative numbers other meanings."""
    with pytest.raises(ConfigError) as caught:
        async with launch("any.gguf", **options):
            pytest.fail("it must not start")

    assert str(caught.value) == message


async def test_the_context_may_be_shorter_than_the_model_allows(weights: Path) -> None:
    """Its memory is allocated at the start."""
    pytest.importorskip("xllamacpp")
    body = json.dumps({"prompt": "word " * 600})
    head = f"POST /v1/completions HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n"

    with anyio.fail_after(60):
        async with launch_with_one_thread(str(weights), context_window_tokens=512) as server:
            assert await ask(server.base_url, head + body) == "HTTP/1.1 400 Bad Request"


async def ask(url: str, request: str) -> str:
    """Send `request` and return the status line of the response."""
    parts = urlsplit(url)
    async with await anyio.connect_tcp(str(parts.hostname), parts.port or 0) as stream:
        await stream.send(request.encode())
        return (await stream.receive()).split(b"\r\n")[0].decode()


def check_port_is_closed(url: str) -> None:
    """Connect to the server's former address."""
    parts = urlsplit(url)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((str(parts.hostname), parts.port or 0), timeout=60)
