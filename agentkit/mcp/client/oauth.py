"""Log in at MCP servers with OAuth 2.1, in the user's browser.

In:  the server's address, how we present ourselves there.
Out: an `Auth` of the HTTP client's; tokens in a file that only its owner can read.

The flow itself is the SDK's: discovery, registration, PKCE, refresh, step-up. Here is what it
leaves to its user: a place for tokens, a browser, and an ear for the browser's way back.
https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization
"""

import hashlib
import os
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
from agentkit.log import Log

LOGIN_SECONDS = 300.0
"""How long a person may take in the browser."""

_BASIC = "client_secret_basic"
_MAX_REQUEST = 16_384
_PAGE = (
    "<!doctype html><meta charset=utf-8><title>agentkit</title>"
    "<p>You are logged in. You can close this page and go back to the program.</p>"
)

OpenUrl = Callable[[str], Awaitable[None]]
"""Brings the user to an address."""

WaitForCode = Callable[[], Awaitable[AuthorizationCodeResult]]
"""Returns what the authorization server answered by way of the browser."""

log = Log("agentkit.mcp")


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth:
    """How to log in at a server.

    Attributes:
        scopes: what to ask for; empty for what the server names.
        client_name: how we present ourselves.
        client_id: of a client that was registered by hand; else we register ourselves.
        client_secret: of the same.
        client_metadata_url: an https address of a client's own description, for servers that take
            such in place of a registration.
        port: on loopback, at which the browser comes back; part of the registration.
        open_url: brings the user to an address; left out, the system's browser is opened.
        wait_for_code: waits for the way back; left out, `port` is listened on.
        storage: file for tokens; left out, one in the user's config folder for each server.
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
        """Return what signs requests to the server at `url`, and logs in where it must.

        Raises:
            ConfigError: there is no folder for tokens, or the metadata's address is not https.
        """
        redirect_uri = f"http://127.0.0.1:{self.port}/callback"
        metadata = OAuthClientMetadata(
            client_name=self.client_name,
            redirect_uris=[AnyUrl(redirect_uri)],
            scope=" ".join(self.scopes) or None,
            token_endpoint_auth_method=None,
        )
        ear = _RedirectListener(self.port, open_url=self.open_url or _open_browser)
        storage = TokenFile(self.storage or default_storage(url), given=self._registered(metadata))
        try:
            return OAuthClientProvider(
                url,
                metadata,
                storage,
                redirect_handler=ear.set_url if self.wait_for_code is None else ear.open_url,
                callback_handler=self.wait_for_code or ear.wait,
                client_metadata_url=self.client_metadata_url,
            )
        except ValueError as error:
            raise ConfigError(str(error)) from error

    def _registered(self, metadata: OAuthClientMetadata) -> OAuthClientInformationFull | None:
        """Return the client that was registered by hand, if one was."""
        if self.client_id is None:
            return None
        return OAuthClientInformationFull(
            client_id=self.client_id,
            client_secret=self.client_secret,
            redirect_uris=metadata.redirect_uris,
            # What counts where a registration says nothing (RFC 7591, section 2).
            token_endpoint_auth_method="none" if self.client_secret is None else _BASIC,
        )


class _Stored(BaseModel):
    """What stands in the file."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None


class TokenFile:
    """Keeps tokens and a registration in a file of mode 0600; the SDK's `TokenStorage`."""

    def __init__(self, path: Path, *, given: OAuthClientInformationFull | None = None) -> None:
        self.path = path
        self._given = given

    async def get_tokens(self) -> OAuthToken | None:
        """Return the tokens."""
        return self._stored.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """Keep tokens."""
        self._stored.tokens = tokens
        await run_sync(self._write)

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        """Return the client as it is registered."""
        return self._stored.client or self._given

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """Keep a registration."""
        self._stored.client = client_info
        await run_sync(self._write)

    @cached_property
    def _stored(self) -> _Stored:
        """Read the file; one that cannot be read means to log in once more."""
        try:
            return _Stored.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return _Stored()
        except (OSError, ValidationError) as error:
            log.warning("mcp_tokens_unreadable", path=str(self.path), error=type(error).__name__)
            return _Stored()

    def _write(self) -> None:
        """Write the file whole or not at all; no one else can read it at any time."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(self._stored.model_dump_json(exclude_none=True))
        new.replace(self.path)


def default_storage(url: str) -> Path:
    """Return the file in which the tokens for a server are kept.

    Raises:
        ConfigError: the environment tells of no home.
    """
    folder = user_folder()
    if folder is None:
        raise ConfigError(
            "There is no folder for tokens: set HOME or XDG_CONFIG_HOME, or OAuth(storage=…)."
        )
    return folder / "mcp" / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.json"


class _RedirectListener:
    """Listens on loopback for the browser's way back."""

    def __init__(self, port: int, *, open_url: OpenUrl) -> None:
        self.open_url = open_url
        self._port = port
        self._url = ""
        self._answer: dict[str, str] = {}
        self._heard = anyio.Event()

    async def set_url(self, url: str) -> None:
        """Take note where the user has to go; the ear must be open before."""
        self._url = url

    async def wait(self) -> AuthorizationCodeResult:
        """Bring the user there, and return what the browser brings.

        Raises:
            AgentKitError: the user refused, or took too long, or the port is taken.
        """
        self._heard = anyio.Event()
        try:
            with anyio.fail_after(LOGIN_SECONDS):
                async with self._listening():
                    await self.open_url(self._url)
                    await self._heard.wait()
        except TimeoutError as error:
            raise AgentKitError(f"No one logged in within {LOGIN_SECONDS:g} s.") from error
        except OSError as error:
            raise AgentKitError(
                f"Port {self._port} of loopback is taken, to which the browser should come back "
                "after the login; use another: OAuth(port=…)."
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
        async with listener, anyio.create_task_group() as group:
            group.start_soon(listener.serve, self._greet)
            yield
            group.cancel_scope.cancel()

    async def _greet(self, stream: SocketStream) -> None:
        """Read one request, and take its query if it is for the callback."""
        request = b""
        with suppress(anyio.BrokenResourceError, anyio.EndOfStream, anyio.ClosedResourceError):
            async with stream:
                while b"\r\n\r\n" not in request and len(request) < _MAX_REQUEST:
                    request += await stream.receive()
                target = urlsplit([*request.split(maxsplit=2), b"", b""][1].decode())
                is_answer = target.path == "/callback"
                page = _PAGE if is_answer else "<!doctype html><p>Nothing is here.</p>"
                status = "200 OK" if is_answer else "404 Not Found"
                await stream.send(
                    f"HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\n"
                    f"content-length: {len(page)}\r\nconnection: close\r\n\r\n{page}".encode()
                )
                if is_answer:
                    self._answer = {name: one[0] for name, one in parse_qs(target.query).items()}
                    self._heard.set()


async def _open_browser(url: str) -> None:
    log.info("mcp_login_asked", url=url)
    await run_sync(webbrowser.open, url)
