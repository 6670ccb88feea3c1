"""What the HTTP transport sends to a real server on loopback, and what it makes of answers."""

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
    Host,
    Make,
    fetch,
    hear,
    listening,
    reach,
    read,
    with_client,
)


@BOTH
async def test_an_exchange_sends_the_request_and_gives_head_and_body(make: Make) -> None:
    """Header names are lower case, whatever the host writes."""
    host = Host(Reply(status=201, headers={"X-Request-ID": "r"}, chunks=(b'{"a":', b"1}")))
    async with reach(make, host, headers={"X-Team": "blue"}) as transport:
        request = WireRequest(path="/x", body=b"{}", headers={"X-Extra": "1"})
        head, body = await fetch(transport, request)

    (sent,) = host.requests
    assert (sent.method, sent.path, sent.body) == ("POST", "/v1/x", b"{}")
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["accept"] == "application/json"
    assert sent.headers["accept-encoding"] == "gzip"
    assert (sent.headers["x-team"], sent.headers["x-extra"]) == ("blue", "1")
    assert head == WireHead(status=201, headers={"x-request-id": "r", "content-length": "7"})
    assert body == b'{"a":1}'


@BOTH
async def test_a_get_carries_no_body_and_no_type(make: Make) -> None:
    """Some hosts refuse a body there."""
    host = Host(Reply())
    async with reach(make, host) as transport:
        await fetch(transport, WireRequest(path="/models", method="GET"))

    (sent,) = host.requests
    assert (sent.method, sent.body) == ("GET", b"")
    assert "content-type" not in sent.headers


@BOTH
async def test_a_streamed_answer_is_asked_for_unpacked_and_comes_piece_by_piece(make: Make) -> None:
    """Each piece is given on before the next one is sent."""
    told, asked = anyio.Event(), anyio.Event()

    async def answer(stream: SocketStream) -> None:
        async with stream:
            request.append(await hear(stream))
            await stream.send(HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\none\r\n")
            await told.wait()
            await stream.send(b"3\r\ntwo\r\n0\r\n\r\n")
            asked.set()

    request: list[bytes] = []
    async with listening(make, answer) as transport:
        async with transport.exchange(WireRequest(path="/x", body=b"{}", stream=True)) as found:
            first = await anext(found.chunks)
            told.set()
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
    """Nothing is encoded anew, and no header holds the key."""
    host = Host(Reply())
    async with reach(make, host, auth=Auth(kind="body", name="key")) as transport:
        await fetch(transport, WireRequest(path="/x", body=body))

    (sent,) = host.requests
    assert sent.body == expected.replace(b"%s", KEY.encode())
    assert json.loads(sent.body)["key"] == KEY
    assert KEY not in str(sent.headers)


@BOTH
async def test_a_key_in_the_body_is_not_sent_where_there_is_no_body(make: Make) -> None:
    """A GET has no place for it."""
    host = Host(Reply())
    async with reach(make, host, auth=Auth(kind="body", name="key")) as transport:
        await fetch(transport, WireRequest(path="/models", method="GET"))

    assert host.requests[0].body == b""


@BOTH
async def test_a_key_in_the_body_needs_an_object(make: Make) -> None:
    """No dialect sends anything else."""
    async with reach(make, Host(Reply()), auth=Auth(kind="body", name="key")) as transport:
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
async def test_a_key_travels_as_the_profile_says_and_no_other_way(
    make: Make, auth: Auth, expected: dict[str, str]
) -> None:
    """Only one header of the request holds it."""
    host = Host(Reply())
    async with reach(make, host, auth=auth) as transport:
        await fetch(transport)

    (sent,) = host.requests
    assert {name: value for name, value in sent.headers.items() if KEY in value} == expected
    assert KEY.encode() not in sent.body


@BOTH
async def test_a_path_cannot_change_the_host(make: Make) -> None:
    """`@other.example` after a base URL would."""
    async with reach(make, Host(Reply())) as transport:
        with pytest.raises(ValueError, match="begins with a slash"):
            await fetch(transport, WireRequest(path="@other.example/x"))


async def test_a_redirect_is_a_status_and_nobody_else_gets_the_key() -> None:
    """The other host is never asked, not even by a client that follows redirects."""
    other = Host(Reply())
    async with serve(other.answer) as elsewhere:
        host = Host(Reply(status=307, headers={"location": f"{elsewhere}/x"}))
        client = httpx.AsyncClient(follow_redirects=True)
        async with client, reach(with_client(client), host) as transport:
            head, _ = await fetch(transport)

    assert (head.status, head.headers["location"]) == (307, f"{elsewhere}/x")
    assert other.requests == []


@BOTH
async def test_cookies_of_one_answer_do_not_go_with_the_next_request(make: Make) -> None:
    """Exchanges share a connection and nothing else."""
    host = Host(Reply(headers={"set-cookie": "id=1; Path=/"}))
    async with reach(make, host) as transport:
        await fetch(transport)
        await fetch(transport)

    assert "cookie" not in host.requests[1].headers


@BOTH
@pytest.mark.parametrize("is_stream", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP"])
async def test_a_gzip_answer_is_unpacked(make: Make, is_stream: bool, coding: str) -> None:
    """Cut anywhere."""
    packed = gzip.compress(b"word " * 1000)
    chunks = tuple(packed[at : at + 7] for at in range(0, len(packed), 7))
    reply = Reply(headers={"content-encoding": coding}, chunks=chunks, is_stream=is_stream)
    async with reach(make, Host(reply)) as transport:
        _, body = await fetch(transport)

    assert body == b"word " * 1000


@BOTH
async def test_more_than_the_length_that_was_told_is_not_part_of_the_answer(make: Make) -> None:
    """What follows belongs to no one."""
    host = Host(RawReply(chunks=(HEAD, b"content-length: 4\r\n\r\n1234 and more")))
    async with reach(make, host) as transport:
        assert (await fetch(transport))[1] == b"1234"


@BOTH
async def test_an_answer_may_say_that_it_is_not_packed(make: Make) -> None:
    """Some hosts do."""
    reply = Reply(headers={"content-encoding": "identity"}, chunks=(b"x",))
    async with reach(make, Host(reply)) as transport:
        assert (await fetch(transport))[1] == b"x"


async def test_a_client_of_the_users_own_carries_its_headers_and_keeps_its_transport() -> None:
    """But the key is ours, and so are the deadlines."""
    host = Host(Reply(), RawReply(then="stall"))
    client = httpx.AsyncClient(
        headers={"x-proxy": "1", "authorization": "theirs"}, auth=("me", "mine"), timeout=30
    )
    async with (
        client,
        reach(
            with_client(client), host, settings=HttpSettings(first_byte_seconds=0.1)
        ) as transport,
    ):
        await fetch(transport)
        with pytest.raises(TransportError, match=r"within 0\.1 s"):
            await fetch(transport)

    assert host.requests[0].headers["x-proxy"] == "1"
    assert host.requests[0].headers["authorization"] == f"Bearer {KEY}"


async def test_a_client_of_the_users_own_may_bring_the_key_itself() -> None:
    """Where none of ours is needed, its way to sign in is left alone."""
    host = Host(Reply())
    async with serve(host.answer) as url, httpx.AsyncClient(auth=("me", "mine")) as client:
        provider = ProviderProfile(name="h", title="H", base_url=url, auth=Auth(is_required=False))
        await fetch(HttpTransport(provider, client=client))

    assert host.requests[0].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("127.0.0.1", b"direct"), ("localhost", b"direct"), ("far.example", b"from the proxy")],
)
async def test_a_proxy_of_the_environment_is_used_except_for_this_machine(
    name: str, expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy cannot reach our loopback."""
    proxy, host = Host(Reply(chunks=(b"from the proxy",))), Host(Reply(chunks=(b"direct",)))
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    with anyio.fail_after(5):
        async with serve(proxy.answer) as proxy_url, serve(host.answer) as url:
            monkeypatch.setenv("HTTP_PROXY", proxy_url)
            base_url = url.replace("127.0.0.1", name)
            transport = HttpTransport(ProviderProfile(name="h", title="H", base_url=base_url))
            _, body = await fetch(transport)
            await transport.aclose()

    assert body == expected
