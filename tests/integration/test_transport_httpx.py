"""The requests of the HTTP transport to a server on loopback, and its responses."""

import gzip
import json

import anyio
import httpx
import pytest
from anyio.abc import SocketStream

from agentkit.config.profile import Auth, ProviderProfile
from agentkit.errors import TransportError
from agentkit.sandbox.http_server import RawReply, Reply, serve
from agentkit.transport.http_settings import HttpSettings
from agentkit.transport.httpx_transport import HttpTransport
from agentkit.wire import WireHead, WireRequest
from tests.integration.transport_server import (
    BOTH,
    HEAD,
    KEY,
    Make,
    ScriptedServer,
    fetch,
    listening,
    reach,
    read,
    read_request,
    with_client,
)


@BOTH
async def test_an_exchange_sends_the_request_and_returns_head_and_body(make: Make) -> None:
    """Header names are lower case, whatever the server sends."""
    server = ScriptedServer(
        Reply(status=201, headers={"X-Request-ID": "r"}, chunks=(b'{"a":', b"1}"))
    )
    async with reach(make, server, headers={"X-Team": "blue"}) as transport:
        request = WireRequest(path="/x", body=b"{}", headers={"X-Extra": "1"})
        head, body = await fetch(transport, request)

    (sent,) = server.requests
    assert (sent.method, sent.path, sent.body) == ("POST", "/v1/x", b"{}")
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["accept"] == "application/json"
    assert sent.headers["accept-encoding"] == "gzip"
    assert (sent.headers["x-team"], sent.headers["x-extra"]) == ("blue", "1")
    assert head == WireHead(status=201, headers={"x-request-id": "r", "content-length": "7"})
    assert body == b'{"a":1}'


@BOTH
async def test_a_get_request_has_no_body_and_no_content_type(make: Make) -> None:
    """Some servers reject a body there."""
    server = ScriptedServer(Reply())
    async with reach(make, server) as transport:
        await fetch(transport, WireRequest(path="/models", method="GET"))

    (sent,) = server.requests
    assert (sent.method, sent.body) == ("GET", b"")
    assert "content-type" not in sent.headers


@BOTH
async def test_a_streamed_response_is_requested_uncompressed_and_arrives_in_chunks(
    make: Make,
) -> None:
    """Each chunk is passed on before the next one is sent."""
    proceed, asked = anyio.Event(), anyio.Event()

    async def answer(stream: SocketStream) -> None:
        async with stream:
            request.append(await read_request(stream))
            await stream.send(HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\none\r\n")
            await proceed.wait()
            await stream.send(b"3\r\ntwo\r\n0\r\n\r\n")
            asked.set()

    request: list[bytes] = []
    async with listening(make, answer) as transport:
        async with transport.exchange(WireRequest(path="/x", body=b"{}", stream=True)) as found:
            first = await anext(found.chunks)
            proceed.set()
            rest = await read(found)
        await asked.wait()

    assert (first, rest) == (b"one", b"two")
    assert b"accept: text/event-stream" in request[0].lower()
    assert b"accept-encoding: identity" in request[0].lower()


@BOTH
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"model_id":"m","x":[1.50]}', b'{"key": "%s","model_id":"m","x":[1.50]}'),
        (b' {\n"a" : 1}', b'{"key": "%s","a" : 1}'),
        (b" { } ", b'{"key": "%s"} '),
    ],
    ids=["object", "spaced", "empty"],
)
async def test_a_key_in_the_body_is_its_first_field_and_leaves_the_rest_as_it_is(
    make: Make, body: bytes, expected: bytes
) -> None:
    """Nothing is encoded again, and no header has the key."""
    server = ScriptedServer(Reply())
    async with reach(make, server, auth=Auth(kind="body", name="key")) as transport:
        await fetch(transport, WireRequest(path="/x", body=body))

    (sent,) = server.requests
    assert sent.body == expected.replace(b"%s", KEY.encode())
    assert json.loads(sent.body)["key"] == KEY
    assert KEY not in str(sent.headers)


@BOTH
async def test_a_key_in_the_body_is_not_sent_without_a_body(make: Make) -> None:
    """A GET request has no place for it."""
    server = ScriptedServer(Reply())
    async with reach(make, server, auth=Auth(kind="body", name="key")) as transport:
        await fetch(transport, WireRequest(path="/models", method="GET"))

    assert server.requests[0].body == b""


@BOTH
async def test_a_key_in_the_body_needs_an_object(make: Make) -> None:
    """No dialect sends anything else."""
    async with reach(
        make, ScriptedServer(Reply()), auth=Auth(kind="body", name="key")
    ) as transport:
        with pytest.raises(ValueError, match="a JSON object"):
            await fetch(transport, WireRequest(path="/x", body=b"[]"))


@BOTH
@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        (Auth(kind="bearer"), {"authorization": f"Bearer {KEY}"}),
        (Auth(kind="header", name="X-Api-Key"), {"x-api-key": KEY}),
        (Auth(kind="none"), {}),
    ],
    ids=["bearer", "header", "none"],
)
async def test_a_key_is_sent_as_in_the_profile_and_nowhere_else(
    make: Make, auth: Auth, expected: dict[str, str]
) -> None:
    """In one header of the request only."""
    server = ScriptedServer(Reply())
    async with reach(make, server, auth=auth) as transport:
        await fetch(transport)

    (sent,) = server.requests
    assert {name: value for name, value in sent.headers.items() if KEY in value} == expected
    assert KEY.encode() not in sent.body


@BOTH
async def test_a_path_cannot_change_the_host(make: Make) -> None:
    """`@other.example` after a base URL would."""
    async with reach(make, ScriptedServer(Reply())) as transport:
        with pytest.raises(ValueError, match="begins with a slash"):
            await fetch(transport, WireRequest(path="@other.example/x"))


async def test_a_redirect_is_a_status_and_no_other_server_gets_the_key() -> None:
    """Not even with a client that follows redirects."""
    other = ScriptedServer(Reply())
    async with serve(other.answer) as elsewhere:
        server = ScriptedServer(Reply(status=307, headers={"location": f"{elsewhere}/x"}))
        client = httpx.AsyncClient(follow_redirects=True)
        async with client, reach(with_client(client), server) as transport:
            head, _ = await fetch(transport)

    assert (head.status, head.headers["location"]) == (307, f"{elsewhere}/x")
    assert other.requests == []


@BOTH
async def test_cookies_of_a_response_are_not_sent_with_the_next_request(make: Make) -> None:
    """Exchanges share a connection and nothing else."""
    server = ScriptedServer(Reply(headers={"set-cookie": "id=1; Path=/"}))
    async with reach(make, server) as transport:
        await fetch(transport)
        await fetch(transport)

    assert "cookie" not in server.requests[1].headers


@BOTH
@pytest.mark.parametrize("is_stream", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP"])
async def test_a_gzip_response_is_decompressed(make: Make, is_stream: bool, coding: str) -> None:
    """Cut anywhere."""
    packed = gzip.compress(b"word " * 1000)
    chunks = tuple(packed[at : at + 7] for at in range(0, len(packed), 7))
    reply = Reply(headers={"content-encoding": coding}, chunks=chunks, is_stream=is_stream)
    async with reach(make, ScriptedServer(reply)) as transport:
        _, body = await fetch(transport)

    assert body == b"word " * 1000


@BOTH
async def test_bytes_beyond_the_content_length_are_not_part_of_the_response(make: Make) -> None:
    """They belong to no request."""
    server = ScriptedServer(RawReply(chunks=(HEAD, b"content-length: 4\r\n\r\n1234 and more")))
    async with reach(make, server) as transport:
        assert (await fetch(transport))[1] == b"1234"


@BOTH
async def test_a_response_may_have_the_encoding_identity(make: Make) -> None:
    """Some servers send it."""
    reply = Reply(headers={"content-encoding": "identity"}, chunks=(b"x",))
    async with reach(make, ScriptedServer(reply)) as transport:
        assert (await fetch(transport))[1] == b"x"


async def test_a_users_own_client_keeps_its_headers_and_transport() -> None:
    """But the key and the deadlines are agentkit's."""
    server = ScriptedServer(Reply(), RawReply(then="stall"))
    client = httpx.AsyncClient(
        headers={"x-proxy": "1", "authorization": "theirs"}, auth=("me", "mine"), timeout=30
    )
    async with (
        client,
        reach(
            with_client(client), server, settings=HttpSettings(first_byte_seconds=0.1)
        ) as transport,
    ):
        await fetch(transport)
        with pytest.raises(TransportError, match=r"within 0\.1 s"):
            await fetch(transport)

    assert server.requests[0].headers["x-proxy"] == "1"
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


async def test_a_users_own_client_may_have_its_own_authentication() -> None:
    """It is used if the provider needs no key of agentkit."""
    server = ScriptedServer(Reply())
    async with serve(server.answer) as url, httpx.AsyncClient(auth=("me", "mine")) as client:
        provider = ProviderProfile(name="h", title="H", base_url=url, auth=Auth(is_required=False))
        await fetch(HttpTransport(provider, client=client))

    assert server.requests[0].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("127.0.0.1", b"direct"), ("localhost", b"direct"), ("far.example", b"from the proxy")],
)
async def test_a_proxy_of_the_environment_is_used_except_for_this_machine(
    name: str, expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy cannot reach our loopback."""
    proxy, server = (
        ScriptedServer(Reply(chunks=(b"from the proxy",))),
        ScriptedServer(Reply(chunks=(b"direct",))),
    )
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    with anyio.fail_after(60):
        async with serve(proxy.answer) as proxy_url, serve(server.answer) as url:
            monkeypatch.setenv("HTTP_PROXY", proxy_url)
            base_url = url.replace("127.0.0.1", name)
            transport = HttpTransport(ProviderProfile(name="h", title="H", base_url=base_url))
            _, body = await fetch(transport)
            await transport.aclose()

    assert body == expected
