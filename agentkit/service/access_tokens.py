"""Tokens with which clients are let in.

In:  a file of tokens, or the table of a database; the token of a request.
Out: the `Caller` that it belongs to; new tokens, whose text is shown once.

A token is an id and a secret of 256 random bits. Only a SHA-256 of the secret is kept: there is
nothing to guess in it, so a slow hash would cost each request its time and protect nothing.
"""

import hashlib
import hmac
import re
import secrets
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import tomlkit
from pydantic import TypeAdapter, ValidationError

from agentkit.clock import Clock, SystemClock
from agentkit.errors import ConfigError
from agentkit.service.served import Caller, TokenLimits
from agentkit.store.base import Store
from agentkit.value import dataclass

_TOKEN = re.compile(r"ak_(?P<id>[0-9a-f]{12})_(?P<secret>[A-Za-z0-9_-]{43})")
_NO_HASH = hashlib.sha256(b"").hexdigest()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_COLUMNS = "id, hash, tenant, agents, limits, created_at, expires_at, revoked_at"
_READ = f"SELECT {_COLUMNS} FROM ak_tokens WHERE id = ?"  # noqa: S608 - constants
_LIST = f"SELECT {_COLUMNS} FROM ak_tokens ORDER BY created_at, id"  # noqa: S608 - constants
_INSERT = f"INSERT INTO ak_tokens ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, NULL)"  # noqa: S608
_REVOKE = "UPDATE ak_tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL RETURNING id"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """What is kept of a token.

    Attributes:
        id: names it; no secret.
        hash: SHA-256 of its secret, in hexadecimal.
        tenant: whose it is.
        agents: those that may be used; None for all.
        limits: see `TokenLimits`.
        expires_at: from when on it is not valid; None for no end.
        revoked_at: since when it is not valid; None if it was not revoked.
    """

    id: str
    hash: str
    tenant: str = ""
    agents: tuple[str, ...] | None = None
    limits: TokenLimits = TokenLimits()
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        """Return whether it lets a client in."""
        is_over = self.expires_at is not None and now >= self.expires_at
        return not is_over and self.revoked_at is None

    def caller(self) -> Caller:
        """Return who uses it."""
        agents = None if self.agents is None else frozenset(self.agents)
        return Caller(tenant=self.tenant, token_id=self.id, agents=agents, limits=self.limits)


class Authenticator(Protocol):
    """Finds out who sends a request."""

    async def find(self, token: str) -> Caller | None:
        """Return the caller of a token; None if it is not valid."""


class TokenBook(Protocol):
    """Where tokens are kept."""

    async def read(self, token_id: str) -> AccessToken | None:
        """Return a token; None if there is none with this id."""

    async def list(self) -> Sequence[AccessToken]:
        """Return all tokens, oldest first."""

    async def add(self, token: AccessToken) -> None:
        """Keep a new token."""

    async def revoke(self, token_id: str, *, at: datetime) -> bool:
        """Make a token invalid, and return whether it was valid until then."""


class Tokens:
    """The tokens of a service; an `Authenticator`."""

    def __init__(self, book: TokenBook, *, clock: Clock | None = None) -> None:
        """Use tokens that are kept somewhere; see `from_file`."""
        self.book = book
        self._clock = clock or SystemClock()

    @staticmethod
    def from_file(path: str | Path) -> "Tokens":
        """Return the tokens of a TOML file, which `agentkit tokens add --tokens FILE` writes.

        A change of the file counts at once.

        Raises:
            ConfigError: the file cannot be read, or is not such a file.
        """
        book = FileTokens(Path(path))
        book.load()
        return Tokens(book)

    async def find(self, token: str) -> Caller | None:
        """See `Authenticator`."""
        parts = _TOKEN.fullmatch(token)
        if parts is None:
            return None
        found = await self.book.read(parts["id"])
        # Compared also if there is no such token, and in constant time: the time it
        # takes must not depend on how much of a guess is right.
        known = _NO_HASH if found is None else found.hash
        is_same = hmac.compare_digest(_hash(parts["secret"]), known)
        if found is None or not is_same or not found.is_valid(self._clock.now()):
            return None
        return found.caller()

    async def add(
        self,
        *,
        tenant: str = "",
        agents: Sequence[str] | None = None,
        limits: TokenLimits | None = None,
        lifetime: timedelta | None = None,
    ) -> str:
        """Make a token and return its text, which is not kept.

        Args:
            tenant: whose it is.
            agents: those that may be used; None for all.
            limits: see `TokenLimits`.
            lifetime: how long it is valid; None for no end.
        """
        now = self._clock.now()
        token_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        token = AccessToken(
            id=token_id,
            hash=_hash(secret),
            tenant=tenant,
            agents=None if agents is None else tuple(agents),
            limits=limits or TokenLimits(),
            created_at=now,
            expires_at=None if lifetime is None else now + lifetime,
        )
        await self.book.add(token)
        return f"ak_{token_id}_{secret}"

    async def list(self) -> Sequence[AccessToken]:
        """Return all tokens, oldest first."""
        return await self.book.list()

    async def revoke(self, token_id: str) -> bool:
        """Make a token invalid, and return whether it was valid until then."""
        return await self.book.revoke(token_id, at=self._clock.now())


class FileTokens:
    """Tokens in a TOML file; see `TokenBook`."""

    def __init__(self, path: Path) -> None:
        """Use a file that exists, or that the first token creates."""
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._tokens: Mapping[str, AccessToken] = {}

    def load(self) -> Mapping[str, AccessToken]:
        """Return the tokens of the file, read again if it changed.

        Raises:
            ConfigError: it cannot be read, or has another form.
        """
        try:
            state = self._path.stat()
            stamp = (state.st_mtime_ns, state.st_size, state.st_ino)
            if stamp != self._stamp:
                tables = tomllib.loads(self._path.read_text(encoding="utf-8"))
                self._tokens = {name: _read_table(name, one) for name, one in tables.items()}
                self._stamp = stamp
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"The tokens in {str(self._path)!r} cannot be read: {error}"
            ) from error
        return self._tokens

    async def read(self, token_id: str) -> AccessToken | None:
        """See `TokenBook`."""
        return self.load().get(token_id)

    async def list(self) -> Sequence[AccessToken]:
        """See `TokenBook`."""
        return sorted(self.load().values(), key=lambda token: (token.created_at, token.id))

    async def add(self, token: AccessToken) -> None:
        """See `TokenBook`."""
        document = self._document()
        document[token.id] = _table(token)
        self._write(document)

    async def revoke(self, token_id: str, *, at: datetime) -> bool:
        """See `TokenBook`."""
        token = self.load().get(token_id)
        if token is None or token.revoked_at is not None:
            return False
        document = self._document()
        document[token_id]["revoked_at"] = at
        self._write(document)
        return True

    def _document(self) -> tomlkit.TOMLDocument:
        """Return the file as it is, with its comments."""
        if not self._path.exists():
            return tomlkit.document()
        self.load()
        return tomlkit.parse(self._path.read_text(encoding="utf-8"))

    def _write(self, document: tomlkit.TOMLDocument) -> None:
        """Replace the file at once, so that no reader sees half of it."""
        draft = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        try:
            draft.touch(mode=0o600)
            draft.write_text(tomlkit.dumps(document), encoding="utf-8")
            draft.replace(self._path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise ConfigError(f"Cannot write {str(self._path)!r}: {error}.") from error


class StoredTokens:
    """Tokens in a database; see `TokenBook`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self, token_id: str) -> AccessToken | None:
        """See `TokenBook`."""
        rows = await self._store.run(_READ, (token_id,))
        return _read_row(rows[0]) if rows else None

    async def list(self) -> Sequence[AccessToken]:
        """See `TokenBook`."""
        return [_read_row(row) for row in await self._store.run(_LIST)]

    async def add(self, token: AccessToken) -> None:
        """See `TokenBook`."""
        agents = None if token.agents is None else "\n".join(token.agents)
        limits = _limits_codec().dump_json(token.limits, exclude_none=True).decode()
        moments = (_to_number(token.created_at), _to_number(token.expires_at))
        await self._store.run(
            _INSERT, (token.id, token.hash, token.tenant, agents, limits, *moments)
        )

    async def revoke(self, token_id: str, *, at: datetime) -> bool:
        """See `TokenBook`."""
        return bool(await self._store.run(_REVOKE, (_to_number(at), token_id)))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _table(token: AccessToken) -> dict[str, Any]:
    """Return a token as the table of a file, in which its limits are fields too."""
    fields = _token_codec().dump_python(token, exclude_none=True, exclude={"id", "limits"})
    limits = _limits_codec().dump_python(token.limits, exclude_none=True)
    fields |= {
        name: float(value) if isinstance(value, Decimal) else value
        for name, value in limits.items()
    }
    if "agents" in fields:
        fields["agents"] = list(fields["agents"])
    return dict(fields)


def _read_table(name: str, table: Any) -> AccessToken:
    if not isinstance(table, dict):
        raise ValueError(f"{name!r} is not a table")  # noqa: TRY004 - the form of a file
    names = TokenLimits.__annotations__
    limits = {key: value for key, value in table.items() if key in names}
    own = {key: value for key, value in table.items() if key not in names}
    if unknown := sorted(own.keys() - AccessToken.__annotations__.keys()):
        raise ValueError(f"the token {name!r} has an unknown field {unknown[0]!r}")
    try:
        return _token_codec().validate_python({**own, "id": name, "limits": limits})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(f"the token {name!r}: {place}: {first['msg']}") from error


def _read_row(row: tuple[Any, ...]) -> AccessToken:
    return AccessToken(
        id=row[0],
        hash=row[1],
        tenant=row[2],
        agents=None if row[3] is None else tuple(row[3].split("\n")),
        limits=_limits_codec().validate_json(row[4]),
        created_at=_EPOCH + timedelta(microseconds=row[5]),
        expires_at=None if row[6] is None else _EPOCH + timedelta(microseconds=row[6]),
        revoked_at=None if row[7] is None else _EPOCH + timedelta(microseconds=row[7]),
    )


def _to_number(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - _EPOCH) // timedelta(microseconds=1)


@cache
def _token_codec() -> TypeAdapter[AccessToken]:
    return TypeAdapter(AccessToken)


@cache
def _limits_codec() -> TypeAdapter[TokenLimits]:
    return TypeAdapter(TokenLimits)
