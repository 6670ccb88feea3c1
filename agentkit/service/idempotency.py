"""The same answer for a request that is sent again.

In:  `Idempotency-Key`s of callers, with the requests that they are for.
Out: the answer that the key got before; a `ServiceError` if it is in use for something else.

A client that lost the connection sends its request again with the same key, and no tool runs
twice. Answers are kept in this process, the newest first to last.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable

from agentkit.service.answer import ServedAnswer
from agentkit.service.http_errors import ServiceError
from agentkit.service.wire_format import AnswerHead
from agentkit.value import dataclass

MAX_KEY_LENGTH = 255
MAX_KEPT = 1_000
KEPT_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """An answer, and how it began."""

    head: AnswerHead
    answer: ServedAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    digest: bytes
    begun_at: float
    kept: KeptAnswer | None = None


class Idempotency:
    """The keys of all callers. Time is in seconds of a clock that never goes back."""

    def __init__(self, *, now: Callable[[], float]) -> None:
        self._now = now
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()

    def begin(self, tenant: str, key: str, *, path: str, body: bytes) -> KeptAnswer | None:
        """Return the answer that a key got before; None if it is new, and held from now on.

        Raises:
            ServiceError: the key is too long (400), its first request is under way (409), or it was
                sent with another request (422).
        """
        if len(key) > MAX_KEY_LENGTH or not key.isprintable():
            raise ServiceError(f"An Idempotency-Key has up to {MAX_KEY_LENGTH} characters.")
        self._drop_old()
        digest = hashlib.sha256(path.encode() + b"\0" + body).digest()
        entry = self._entries.get((tenant, key))
        if entry is None:
            self._entries[(tenant, key)] = _Entry(digest=digest, begun_at=self._now())
            return None
        if entry.digest != digest:
            raise ServiceError(
                "This Idempotency-Key was sent with another request.",
                status=422,
                code="idempotency_key_reused",
            )
        if entry.kept is None:
            raise ServiceError(
                "The request with this Idempotency-Key is under way.",
                status=409,
                code="idempotency_in_progress",
                headers={"retry-after": "2"},
            )
        return entry.kept

    def keep(self, tenant: str, key: str, kept: KeptAnswer) -> None:
        """Keep the answer of a key."""
        entry = self._entries.get((tenant, key))
        if entry is not None:
            self._entries[(tenant, key)] = _Entry(
                digest=entry.digest, begun_at=entry.begun_at, kept=kept
            )

    def release(self, tenant: str, key: str) -> None:
        """Let a key be used again if its request got no answer."""
        entry = self._entries.get((tenant, key))
        if entry is not None and entry.kept is None:
            del self._entries[(tenant, key)]

    def _drop_old(self) -> None:
        """Drop answers that are too old or too many; requests under way are kept."""
        oldest = self._now() - KEPT_SECONDS
        for name, entry in list(self._entries.items()):
            if entry.begun_at >= oldest and len(self._entries) < MAX_KEPT:
                break
            if entry.kept is not None:
                del self._entries[name]
