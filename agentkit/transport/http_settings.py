"""Deadlines and limits of HTTP exchanges.

In:  the user's values.
Out: `HttpSettings`, apart from the transport so that it costs no import of the HTTP client.
"""

from dataclasses import fields

from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Deadlines and limits of one transport; each wait has its own.

    Attributes:
        connect_seconds: for the connection, and again for its TLS handshake.
        write_seconds: for each piece of the request to be taken.
        first_byte_seconds: from the end of the request to the response's head. A provider that does
            not stream sends it when the model is done.
        idle_seconds: between two pieces of the response's body.
        keep_alive_seconds: how long an unused connection stays open.
        max_connections: further exchanges wait for one to end, at most `first_byte_seconds`.
        max_response_bytes: longest body, after decompression.
    """

    connect_seconds: float = 10.0
    write_seconds: float = 30.0
    first_byte_seconds: float = 180.0
    idle_seconds: float = 60.0
    keep_alive_seconds: float = 30.0
    max_connections: int = 1_000
    max_response_bytes: int = 64_000_000

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not value > 0:
                raise ValueError(f"{each.name} is more than 0, not {value}.")
