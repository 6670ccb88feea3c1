"""The login at an MCP server: a file for tokens, and a local address for the browser."""

import json
import logging
import os
import stat
import webbrowser
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.stapled import MultiListener
from mcp.client.auth import AuthorizationCodeResult
from mcp.shared.auth import OAuthToken

from agentkit import AgentKitError, ConfigError
from agentkit.mcp.client import oauth
from agentkit.mcp.client.oauth import OAuth, TokenFile, default_storage

LOGIN = "https://login.example.com/?state=s"
URL = "https://mcp.example.com/mcp"


async def test_tokens_are_kept_in_a_file_that_only_its_owner_can_read(tmp_path: Path) -> None:
    """Independent of the umask."""
    path = tmp_path / "deep" / "tokens.json"
    before = os.umask(0)
    try:
        await TokenFile(path).set_tokens(OAuthToken(access_token="a1", refresh_token="r1"))  # noqa: S106
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    again = await TokenFile(path).get_tokens()
    assert again is not None
    assert (again.access_token, again.refresh_token) == ("a1", "r1")
    assert await TokenFile(path).get_client_info() is None
    assert [one.name for one in path.parent.iterdir()] == ["tokens.json"]


async def test_a_file_that_cannot_be_read_means_a_new_login(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its content does not appear in the log."""
    path = tmp_path / "tokens.json"
    path.write_text('{"tokens": "s3cret"}')

    with caplog.at_level(logging.WARNING):
        assert await TokenFile(path).get_tokens() is None

    assert "s3cret" not in caplog.text


async def test_a_manually_registered_client_is_used(tmp_path: Path) -> None:
    """Until another registration is stored."""
    oauth = OAuth(client_id="me", client_secret="s3cret", storage=tmp_path / "t")  # noqa: S106
    auth: Any = oauth.build_auth(URL)
    storage = auth.context.storage
    found = await storage.get_client_info()

    assert (found.client_id, found.client_secret) == ("me", "s3cret")
    await storage.set_client_info(found.model_copy(update={"client_id": "you"}))
    assert (await TokenFile(tmp_path / "t").get_client_info()).client_id == "you"  # type: ignore[union-attr]
    assert "s3cret" not in repr(OAuth(client_secret="s3cret"))  # noqa: S106


def test_each_server_has_its_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the user's config folder."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    one, other = default_storage(URL), default_storage(f"{URL}/other")

    assert one.parent == other.parent == tmp_path / "agentkit" / "mcp"
    assert one != other
    for variable in ("XDG_CONFIG_HOME", "APPDATA", "HOME"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(ConfigError, match="no folder for tokens"):
        OAuth().build_auth(URL)


def test_the_client_metadata_url_must_be_https(tmp_path: Path) -> None:
    """Or it is a config error."""
    with pytest.raises(ConfigError, match="HTTPS"):
        OAuth(client_metadata_url="http://x/y", storage=tmp_path / "t").build_auth(URL)


def port_of(listener: MultiListener[SocketStream]) -> int:
    """Return the port that is listened on."""
    found: int = listener.extra(SocketAttribute.local_port)  # noqa: S610 - not Django's
    return found


@pytest.fixture
async def port() -> int:
    """Return a port that is free."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    found = port_of(listener)
    await listener.aclose()
    return found


async def login(oauth: OAuth) -> AuthorizationCodeResult:
    """Do what the SDK does to log in."""
    auth: Any = oauth.build_auth(URL)
    await auth.context.redirect_handler(LOGIN)
    result: AuthorizationCodeResult = await auth.context.callback_handler()
    return result


async def test_the_browsers_redirect_is_received(port: int, tmp_path: Path) -> None:
    """The listener starts before the browser; other requests are ignored."""
    visited: list[str] = []
    pages: list[httpx2.Response] = []

    async def open_url(url: str) -> None:
        visited.append(url)
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            pages.append(await http.get("/favicon.ico"))
            pages.append(await http.get("/callback?code=c%201&state=s&iss=https://i"))

    with anyio.fail_after(60):
        found = await login(OAuth(port=port, open_url=open_url, storage=tmp_path / "t"))

    assert visited == [LOGIN]
    assert [page.status_code for page in pages] == [404, 200]
    assert found == AuthorizationCodeResult(code="c 1", state="s", iss="https://i")


async def test_a_refused_login_is_an_error(port: int, tmp_path: Path) -> None:
    """With the server's message."""

    async def open_url(_: str) -> None:
        async with httpx2.AsyncClient() as http:
            await http.get(f"http://127.0.0.1:{port}/callback?error=access_denied&state=s")

    with pytest.raises(AgentKitError, match="The login was refused: access_denied"):
        await login(OAuth(port=port, open_url=open_url, storage=tmp_path / "t"))


async def test_a_login_has_a_time_limit(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's browser is opened by default."""
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(oauth, "LOGIN_SECONDS", 0.1)

    with pytest.raises(AgentKitError, match="No one logged in within"):
        await login(OAuth(port=port, storage=tmp_path / "t"))

    assert opened == [LOGIN]


async def test_a_port_in_use_is_an_error(tmp_path: Path) -> None:
    """The message names the option to change."""
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        taken = port_of(listener)
        with pytest.raises(AgentKitError, match=rf"Port {taken} .* OAuth\(port=…\)"):
            await login(OAuth(port=taken, storage=tmp_path / "t"))


def test_the_token_file_is_plain_json(tmp_path: Path) -> None:
    """So that a user can read and delete it."""

    async def keep() -> None:
        await TokenFile(tmp_path / "t").set_tokens(OAuthToken(access_token="a"))  # noqa: S106

    anyio.run(keep)

    assert (
        json.loads((tmp_path / "t").read_text())["tokens"].items() >= {"access_token": "a"}.items()
    )


@pytest.mark.parametrize(
    "request_text",
    [
        "GET /callback?code=evil",
        "GET /callback?code=evil&state=",
        "GET /callback?code=evil&state=t",
        "GET /callback?error=access_denied",
        "GET /callback?error=access_denied&state=t",
        "GET /callback?code=evil&state=t&state=s",
        "GET /other?code=evil&state=s",
        "POST /callback?code=evil&state=s",
        "GET //[/callback?code=evil&state=s",
        "GET /callback?" + "a=1&" * 30 + "code=evil&state=s",
        "\xff\xfe",
        "GET",
        "",
    ],
)
async def test_only_the_right_state_on_the_right_path_ends_the_wait(
    request_text: str, port: int, tmp_path: Path
) -> None:
    """Any web page can send requests to the listener, and any program can hold it."""

    async def open_url(_: str) -> None:
        idle = await anyio.connect_tcp("127.0.0.1", port)
        async with idle, await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(f"{request_text} HTTP/1.1\r\n\r\n".encode("latin-1"))
            assert (await stream.receive()).startswith(b"HTTP/1.1 404")
            async with httpx2.AsyncClient() as http:
                await http.get(f"http://127.0.0.1:{port}/callback?code=good&state=s")

    with anyio.fail_after(60):
        found = await login(OAuth(port=port, open_url=open_url, storage=tmp_path / "t"))

    assert found.code == "good"


async def test_only_web_pages_are_opened(port: int, tmp_path: Path) -> None:
    """The server names the URL."""
    opened: list[str] = []

    async def open_url(url: str) -> None:
        opened.append(url)

    auth: Any = OAuth(port=port, open_url=open_url, storage=tmp_path / "t").build_auth(URL)
    await auth.context.redirect_handler("file:///etc/passwd?state=s")
    with pytest.raises(AgentKitError, match="is not an http or https URL"):
        await auth.context.callback_handler()

    assert opened == []


async def test_tokens_are_not_written_through_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither through one at the file's own place nor through one at that of the new file."""
    stolen, path = tmp_path / "stolen", tmp_path / "tokens.json"
    path.symlink_to(stolen)
    await TokenFile(path).set_tokens(OAuthToken(access_token="a"))  # noqa: S106

    assert not path.is_symlink()
    assert not stolen.exists()

    monkeypatch.setattr("secrets.token_hex", lambda _: "x")
    (tmp_path / ".agentkit-x").symlink_to(stolen)
    with pytest.raises(FileExistsError):
        await TokenFile(path).set_tokens(OAuthToken(access_token="b"))  # noqa: S106
    assert not stolen.exists()
