"""Log in at MCP servers with OAuth 2.1, in the user's browser.

In:  the server's URL, and the client's own data.
Out: an `Auth` for the HTTP client; tokens in a file that only its owner can read.

The SDK implements the flow: discovery, registration, PKCE, refresh, step-up. This module provides
the rest: a store for tokens, the browser, and a listener for its redirect.
https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization
"""

import hashlib
import hmac
import os
import secrets
import webbrowser
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx2
from anyio.abc import SocketStream
from anyio.to_thread import run_sync
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl, BaseModel, ValidationError

from agentkit.config.load import user_folder
from agentkit.errors import AgentKitError, ConfigError
from agentkit.exception_groups import ungrouped
from agentkit.log import Log

LOGIN_SECONDS = 300.0
"""Time for the user to log in."""

REQUEST_SECONDS = 10.0
"""Time for one request to the listener."""

_BASIC = "client_secret_basic"
_PATH = "/callback"
_NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)  # not on Windows
_MAX_REQUEST = 16_384
_PAGE = (
    "<!doctype html><meta charset=utf-8><title>agentkit</title>"
    "<p>You are logged in. You can close this page and return to the program.</p>"
)

OpenUrl = Callable[[str], Awaitable[None]]
"""Opens a URL for the user."""

WaitForCode = Callable[[], Awaitable[AuthorizationCodeResult]]
"""Returns the parameters of the redirect."""

log: Log = Log("agentkit.mcp")


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth:
    """How to log in at a server.

    Attributes:
        scopes: requested scopes; empty for those that the server names.
        client_name: shown to the user by the authorization server.
        client_id: of a client that you registered; otherwise one is registered dynamically.
        client_secret: of the same client.
        client_metadata_url: https URL of the client's own metadata, for servers that accept it
            instead of a registration.
        port: loopback port of the redirect; part of the registration.
        open_url: opens a URL for the user; the system's browser by default.
        wait_for_code: waits for the redirect; by default, `port` is listened on.
        storage: file for tokens; by default, one per server in the user's config folder.
    """

    scopes: tuple[str, ...] = ()
    client_name: str = "agentkit"
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    client_metadata_url: str | None = None
    port: int = 8765
    open_url: OpenUrl | None = None
    wait_for_code: WaitForCode | None = None
    storage: Path | None = None

    def build_auth(self, url: str) -> httpx2.Auth:
        """Return the authentication for the server at `url`, which logs in if required.

        Raises:
            ConfigError: there is no folder for tokens, or the metadata's URL is not https.
        """
        redirect_uri = f"http://127.0.0.1:{self.port}{_PATH}"
        metadata = OAuthClientMetadata(
            client_name=self.client_name,
            redirect_uris=[AnyUrl(redirect_uri)],
            scope=" ".join(self.scopes) or None,
            token_endpoint_auth_method=None,
        )
        listener = _RedirectListener(self.port, open_url=self.open_url or _open_browser)
        storage = TokenFile(self.storage or default_storage(url), given=self._registered(metadata))
        try:
            return OAuthClientProvider(
                url,
                metadata,
                storage,
                redirect_handler=listener.set_url if self.wait_for_code is None else listener.open,
                callback_handler=self.wait_for_code or listener.wait,
                client_metadata_url=self.client_metadata_url,
            )
        except ValueError as error:
            raise ConfigError(str(error)) from error

    def _registered(self, metadata: OAuthClientMetadata) -> OAuthClientInformationFull | None:
        """Return the client that the user registered, if any."""
        if self.client_id is None:
            return None
        return OAuthClientInformationFull(
            client_id=self.client_id,
            client_secret=self.client_secret,
            redirect_uris=metadata.redirect_uris,
            # The defaults of RFC 7591, section 2.
            token_endpoint_auth_method="none" if self.client_secret is None else _BASIC,
        )


class _Stored(BaseModel):
    """The content of the file."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None


class TokenFile:
    """Stores tokens and a registration in a file of mode 0600; the SDK's `TokenStorage`."""

    def __init__(self, path: Path, *, given: OAuthClientInformationFull | None = None) -> None:
        self.path = path
        self._given = given

    async def get_tokens(self) -> OAuthToken | None:
        """Return the tokens."""
        return self._stored.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """Store tokens."""
        self._stored.tokens = tokens
        await run_sync(self._write)

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        """Return the registered client."""
        return self._stored.client or self._given

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """Store a registration."""
        self._stored.client = client_info
        await run_sync(self._write)

    @cached_property
    def _stored(self) -> _Stored:
        """Read the file; if it cannot be read, the user has to log in again."""
        try:
            return _Stored.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return _Stored()
        except (OSError, ValidationError) as error:
            log.warning("mcp_tokens_unreadable", path=str(self.path), error=type(error).__name__)
            return _Stored()

    def _write(self) -> None:
        """Replace the file atomically; no other user can read or redirect it at any time."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = self.path.with_name(f".agentkit-{secrets.token_hex(8)}")
        # A new file, which is not a link that another user has put there.
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(self._stored.model_dump_json(exclude_none=True))
            new.replace(self.path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise


def default_storage(url: str) -> Path:
    """Return the file for a server's tokens.

    Raises:
        ConfigError: the environment names no home folder.
    """
    folder = user_folder()
    if folder is None:
        raise ConfigError(
            "There is no folder for tokens: set HOME or XDG_CONFIG_HOME, or OAuth(storage=…)."
        )
    return folder / "mcp" / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.json"


class _RedirectListener:
    """Listens on loopback for the browser's redirect."""

    def __init__(self, port: int, *, open_url: OpenUrl) -> None:
        self._open_url = open_url
        self._port = port
        self._url = ""
        self._answer: dict[str, str] = {}
        self._answered = anyio.Event()

    async def set_url(self, url: str) -> None:
        """Keep the authorization URL; it is opened once the listener is ready."""
        self._url = url

    async def open(self, url: str) -> None:
        """Open the authorization URL for the user.

        Raises:
            AgentKitError: the server's metadata does not name a web page.
        """
        if urlsplit(url).scheme not in ("http", "https"):
            raise AgentKitError("The server's authorization endpoint is not an http or https URL.")
        await self._open_url(url)

    async def wait(self) -> AuthorizationCodeResult:
        """Open the URL, and return the parameters of the redirect.

        Raises:
            AgentKitError: the login was refused or timed out, or the port is in use.
        """
        self._answered = anyio.Event()
        try:
            with anyio.fail_after(LOGIN_SECONDS):
                async with self._listening():
                    await self.open(self._url)
                    await self._answered.wait()
        except TimeoutError as error:
            raise AgentKitError(f"No one logged in within {LOGIN_SECONDS:g} s.") from error
        except OSError as error:
            raise AgentKitError(
                f"Port {self._port} of loopback, for the redirect of the login, is in use; "
                "choose another: OAuth(port=…)."
            ) from error
        answer = self._answer
        if "code" not in answer:
            why = answer.get("error_description") or answer.get("error") or "it gave no code"
            raise AgentKitError(f"The login was refused: {why}.")
        return AuthorizationCodeResult(
            code=answer["code"], state=answer.get("state"), iss=answer.get("iss")
        )

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=self._port)
        with ungrouped():
            async with listener, anyio.create_task_group() as group:
                group.start_soon(listener.serve, self._handle)
                yield
                group.cancel_scope.cancel()

    async def _handle(self, stream: SocketStream) -> None:
        """Answer one request; only the redirect with the right state ends the wait.

        Any local program and any web page can send requests here.
        """
        with anyio.move_on_after(REQUEST_SECONDS):
            async with stream:
                with suppress(
                    anyio.BrokenResourceError, anyio.EndOfStream, anyio.ClosedResourceError
                ):
                    request = b""
                    while b"\r\n\r\n" not in request and len(request) < _MAX_REQUEST:
                        request += await stream.receive()
                    answer = self._read(request)
                    await stream.send(_page(is_answer=answer is not None))
                    if answer is not None and not self._answered.is_set():
                        self._answer = answer
                        self._answered.set()

    def _read(self, request: bytes) -> dict[str, str] | None:
        """Return the parameters of the redirect; None if the request is another one."""
        method, target, *_ = [*request.split(maxsplit=2), b"", b""]
        try:
            url = urlsplit(target.decode("ascii"))
            found = parse_qs(url.query, keep_blank_values=True, max_num_fields=20)
        except ValueError:
            return None
        if method != b"GET" or url.path != _PATH or any(len(one) > 1 for one in found.values()):
            return None
        answer = {name: one for name, (one,) in found.items()}
        expected = parse_qs(urlsplit(self._url).query).get("state", [""])[0]
        is_ours = hmac.compare_digest(answer.get("state", "").encode(), expected.encode())
        return answer if is_ours and expected else None


def _page(*, is_answer: bool) -> bytes:
    page = _PAGE if is_answer else "<!doctype html><p>Nothing is here.</p>"
    status = "200 OK" if is_answer else "404 Not Found"
    return (
        f"HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\n"
        f"content-length: {len(page)}\r\nconnection: close\r\n\r\n{page}"
    ).encode()


async def _open_browser(url: str) -> None:
    log.info("mcp_login_requested", url=url)
    await run_sync(webbrowser.open, url)
