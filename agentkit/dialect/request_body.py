"""Collect the fields of a request into its JSON body.

In:  fields as values, or as encoded bytes.
Out: `Encoded`.

The fields that the provider's profile adds to every request are included; those it omits are not.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from agentkit.chat import ModelRequest, ToolSpec
from agentkit.config.profile import Accepts
from agentkit.dialect.base import Delta, Encoded
from agentkit.dialect.openai_chat.messages import to_json
from agentkit.dialect.tool_names import changed_names
from agentkit.value import record
from agentkit.wire import WireRequest

_NO_HEADERS: Mapping[str, str] = {}
_HERE = b"\0"
"""Marks a place in a body; JSON holds no such byte."""


@lru_cache(256)
def _name(name: str) -> bytes:
    """Return the encoded name of a field with its colon; few names occur, in every request."""
    return to_json(name) + b":"


@lru_cache(64)
def _changed_names(names: tuple[str, ...]) -> Mapping[str, str]:
    """Return the renamed tools; the same tools are sent turn after turn."""
    return changed_names(names)


class Body:
    """The body of one request; setting a field again replaces it."""

    def __init__(self, accepts: Accepts) -> None:
        self._omit = accepts.omit
        self._fields: dict[str, tuple[bytes | bytearray, ...]] = {}
        for name, value in accepts.extra_fields.items():
            self.put(name, value)

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def put(self, name: str, value: object) -> None:
        """Set a field to a JSON value."""
        self._fields[name] = (to_json(value),)

    def put_bytes(self, name: str, *pieces: bytes | bytearray) -> None:
        """Set a field to encoded JSON, in pieces that are joined with the complete body."""
        self._fields[name] = pieces

    def encode(
        self,
        path: str,
        *,
        request: ModelRequest,
        tools: Iterable[ToolSpec] = (),
        opening: tuple[Delta, ...] = (),
    ) -> Encoded:
        """Return the request.

        Args:
            path: below the provider's base URL.
            request: decides whether the answer is streamed.
            tools: those that are sent.
            opening: see `Encoded`.

        Raises:
            UnsupportedError: two of the tools look the same to the provider.
        """
        parts = self._parts()
        return Encoded(
            # A conversation can be megabytes long, so it is copied once.
            wire=WireRequest(
                path=path, body=b"".join(parts), headers=_NO_HEADERS, stream=request.stream
            ),
            fields=self._names(),
            tool_names=_changed_names(tuple([tool.name for tool in tools])),
            opening=opening,
        )

    def around(self, name: str, *, tools: Iterable[ToolSpec]) -> "BodyAround":
        """Return the body but for one field's value, for requests that differ in nothing else."""
        self.put_bytes(name, _HERE)
        parts = self._parts()
        at = parts.index(_HERE) if _HERE in parts else len(parts)
        return BodyAround(
            before=b"".join(parts[:at]),
            after=b"".join(parts[at + 1 :]),
            has_value=at < len(parts),
            fields=self._names(),
            tool_names=_changed_names(tuple([tool.name for tool in tools])),
        )

    def _names(self) -> tuple[str, ...]:
        return tuple(name for name in self._fields if name not in self._omit)

    def _parts(self) -> list[bytes | bytearray]:
        parts: list[bytes | bytearray] = []
        for name in self._names():
            parts += (b"," if parts else b"{", _name(name), *self._fields[name])
        parts.append(b"}" if parts else b"{}")
        return parts


@record
class BodyAround:
    """A body but for the value of one field; see `Body.around`."""

    before: bytes
    after: bytes
    has_value: bool
    fields: tuple[str, ...]
    tool_names: Mapping[str, str]

    def encode(
        self, path: str, value: Iterable[bytes | bytearray], *, request: ModelRequest
    ) -> Encoded:
        """Return the request with the pieces of the value; see `Body.encode`."""
        pieces = value if self.has_value else ()  # the profile omits the field
        body = b"".join((self.before, *pieces, self.after))  # copied once, as above
        return Encoded(
            wire=WireRequest(path=path, body=body, headers=_NO_HEADERS, stream=request.stream),
            fields=self.fields,
            tool_names=self.tool_names,
        )
