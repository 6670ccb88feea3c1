"""No URL leads to an address that is not of the public internet."""

import gzip
import ssl
from collections.abc import Sequence
from contextlib import suppress

import anyio
import pytest

from agentkit.transport.guarded.guarded_client import (
    GuardedClient,
    GuardedRequestError,
    GuardedResponse,
    OutgoingRequest,
    RequestLimits,
)
from agentkit.transport.guarded.guarded_connection import GuardedBackend, connect_to
from agentkit.transport.guarded.public_address import is_public_address
from tests.unit.transport.web_server import PUBLIC, Page, WebServer


async def get(
    client: GuardedClient, url: str, *, limits: RequestLimits | None = None
) -> GuardedResponse:
    """Send a GET request."""
    return await client.send(OutgoingRequest(url=url), limits=limits)


NOT_PUBLIC = (
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1"),  # noqa: S104
    *("192.168.1.1", "100.64.0.1", "100.100.100.200", "169.254.169.254", "192.0.0.192"),
    *("192.0.2.1", "192.88.99.1", "198.18.0.1", "203.0.113.7", "224.0.0.1", "239.255.255.250"),
    *("240.0.0.1", "255.255.255.255", "168.63.129.16"),
    *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:93.184.216.34"),
    *("::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1"),
    *("2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:4136:e378:8000:63bf:80ff:fffe"),
    *("2001:db8::1", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0"),
    *("fec0::1", "ff02::1", "5f00::1", "100::1", "2001:20::1", "2606:4700::1%eth0"),
    *("localhost", "", "1", "0x7f.1", "2130706433", "93.184.216.34.nip.io"),
)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_of_the_public_internet_is_recognized(address: str) -> None:
    """Also one that carries another address, and text that is not an address."""
    assert not is_public_address(address)


@pytest.mark.parametrize("address", [PUBLIC, "1.1.1.1", "2606:4700:4700::1111", "2a00:1450::1"])
def test_public_addresses_are_recognized(address: str) -> None:
    """Of both families."""
    assert is_public_address(address)


DIRECT = {
    "loopback": "http://127.0.0.1:{port}/",
    "another loopback": "http://127.8.9.1:{port}/",
    "the name localhost": "http://localhost:{port}/",
    "a trailing dot": "http://127.0.0.1.:{port}/",
    "localhost with a dot": "http://localhost.:{port}/",
    "upper case": "HTTP://LOCALHOST:{port}/",
    "decimal": "http://2130706433:{port}/",
    "octal": "http://0177.0.0.1:{port}/",
    "octal in one": "http://017700000001:{port}/",
    "hexadecimal": "http://0x7f000001:{port}/",
    "hexadecimal parts": "http://0x7f.0x0.0x0.0x1:{port}/",
    "two parts": "http://127.1:{port}/",
    "three parts": "http://127.0.1:{port}/",
    "leading zeros": "http://127.000.000.001:{port}/",
    "the unspecified address": "http://0.0.0.0:{port}/",
    "zero": "http://0:{port}/",
    "IPv6 loopback": "http://[::1]:{port}/",
    "IPv6 unspecified": "http://[::]:{port}/",
    "IPv4-mapped": "http://[::ffff:127.0.0.1]:{port}/",
    "IPv4-mapped in hexadecimal": "http://[::ffff:7f00:1]:{port}/",
    "IPv4-mapped with all zeros": "http://[0:0:0:0:0:ffff:127.0.0.1]:{port}/",
    "IPv4-compatible": "http://[::127.0.0.1]:{port}/",
    "IPv4-translated": "http://[::ffff:0:127.0.0.1]:{port}/",
    "NAT64": "http://[64:ff9b::127.0.0.1]:{port}/",
    "6to4": "http://[2002:7f00:1::]:{port}/",
    "a zone": "http://[fe80::1%25lo]:{port}/",
    "IPv6 brackets around IPv4": "http://[127.0.0.1]:{port}/",
    "full-width digits": "http://\uff11\uff12\uff17.\uff10.\uff10.\uff11:{port}/",
    "circled digits": "http://①②⑦.⓪.⓪.①:{port}/",
    "an ideographic dot": "http://127。0。0。1:{port}/",
    "letters in circles": "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/",
    "punycode of nothing": "http://xn--127.0.0.1:{port}/",
    "a percent sign": "http://127.0.0.%31:{port}/",
    "percent-encoded": "http://%31%32%37.0.0.1:{port}/",
    "a user name": "http://example.com@127.0.0.1:{port}/",
    "a user name and a password": "http://example.com:80@127.0.0.1:{port}/",
    "an at sign in the password": "http://a:b@c@127.0.0.1:{port}/",
    "a backslash": "http://example.com\\@127.0.0.1:{port}/",
    "a backslash before the port": "http://127.0.0.1:{port}\\@example.com/",
    "a number sign": "http://127.0.0.1:{port}#@example.com/",
    "a tab": "http://127.0.0\t.1:{port}/",
    "a line break": "http://127.0.0.1:{port}/\r\nHost: example.com",
    "a null": "http://127.0.0.1\0.example.com:{port}/",
    "a link-local address": "http://169.254.169.254/latest/meta-data/",
    "a cloud's name": "http://metadata.google.internal/computeMetadata/v1/",
    "a private network": "http://192.168.0.1/",
    "a file": "file:///etc/passwd",
    "a file with a host": "file://localhost/etc/passwd",
    "gopher": "gopher://127.0.0.1:{port}/_GET%20/",
    "ftp": "ftp://127.0.0.1:{port}/",
    "dict": "dict://127.0.0.1:{port}/info",
    "ldap": "ldap://127.0.0.1:{port}/",
    "data": "data:text/html,hello",
    "JavaScript": "javascript:alert(1)",
    "jar": "jar:http://127.0.0.1:{port}/!/",
    "a WebSocket": "ws://127.0.0.1:{port}/",
    "no scheme": "//127.0.0.1:{port}/",
    "one slash": "http:/127.0.0.1:{port}/",
    "three slashes": "http:///127.0.0.1:{port}/",
    "no host": "http://:{port}/",
    "nothing": "",
    "a port out of range": "http://127.0.0.1:99999/",
    "TLS": "https://127.0.0.1:{port}/",
}


@pytest.mark.parametrize("url", DIRECT.values(), ids=DIRECT.keys())
async def test_no_url_reaches_this_machine(server: WebServer, url: str) -> None:
    """With the system's own resolver: the loopback server gets no request."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        if host.endswith(".internal"):
            return ["169.254.169.254"]
        found = await anyio.getaddrinfo(host, port)
        return [str(address[0]) for *_, address in found]

    client = GuardedClient(GuardedBackend(resolve=resolve, connect=server.connect))

    with pytest.raises(GuardedRequestError):
        await get(client, url.format(port=server.port))

    assert server.received == []
    assert server.connections == []


NAMES = {
    "127.0.0.1.nip.io": ["127.0.0.1"],
    "7f000001.rbndr.example": ["127.0.0.1"],
    "localtest.me": ["::1"],
    "mixed.example": [PUBLIC, "127.0.0.1"],
    "private-first.example": ["10.0.0.1", PUBLIC],
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "sixtofour.example": ["2002:7f00:1::1"],
    "metadata.example": ["169.254.169.254"],
    "zone.example": ["fe80::1%lo"],
    "nothing.example": [],
    "no-address.example": ["not an address"],
    "xn--bcher-kva.example": ["127.0.0.1"],
}


@pytest.mark.parametrize("name", NAMES)
async def test_no_name_reaches_a_private_address(server: WebServer, name: str) -> None:
    """Also if it has a public address in addition."""
    with pytest.raises(GuardedRequestError):
        await get(server.client(NAMES), f"http://{name}:{server.port}/")

    assert server.received == []
    assert server.connections == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{port}/secret",
        "//127.0.0.1:{port}/secret",
        "http://2130706433:{port}/secret",
        "http://127.0.0.1.nip.io:{port}/secret",
        "http://user@127.0.0.1:{port}/secret",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/",
    ],
)
async def test_no_redirect_reaches_a_private_address(
    server: WebServer, location: str, status: int
) -> None:
    """The first server is asked, and no other."""
    names = NAMES | {"127.0.0.1": ["127.0.0.1"], "2130706433": ["127.0.0.1"]}
    server.redirect("/", location.format(port=server.port), status=status)

    with pytest.raises(GuardedRequestError):
        await get(server.client(names), "http://site.example/")

    assert [one.host for one in server.received] == ["site.example"]
    assert {address for address, _ in server.connections} == {PUBLIC}


async def test_a_name_that_changes_its_address_gains_nothing(server: WebServer) -> None:
    """The address that was checked is the one that is connected to; the name is asked once."""
    answers = [[PUBLIC], ["127.0.0.1"]]
    asked: list[str] = []

    async def resolve(host: str, _: int) -> Sequence[str]:
        asked.append(host)
        return answers.pop(0)

    server.add("/", "public")
    client = GuardedClient(GuardedBackend(resolve=resolve, connect=server.connect))

    response = await get(client, "http://rebind.example/")

    assert response.body == b"public"
    assert asked == ["rebind.example"]
    assert server.connections == [(PUBLIC, 80)]
    with pytest.raises(GuardedRequestError, match="not on the public internet"):
        await get(client, "http://rebind.example/")
    assert len(server.received) == 1


async def test_the_other_end_of_a_connection_is_checked(server: WebServer) -> None:
    """The system connects `0.0.0.0` to loopback, which is another address."""
    with pytest.raises(Exception, match=r"leads to another address|0\.0\.0\.0"):
        await connect_to("0.0.0.0", server.port, 5.0)  # noqa: S104 - only connected to


async def test_hosts_that_the_user_named_may_be_private(server: WebServer) -> None:
    """Only with this port, and the exception does not cover a redirect."""
    names = {"127.0.0.1": ["127.0.0.1"]}
    client = GuardedClient(server.backend(names, private_hosts=[("127.0.0.1", server.port)]))
    server.add("/", "mine")
    server.redirect("/away", f"http://127.0.0.1:{server.port + 1}/")

    response = await get(client, f"http://127.0.0.1:{server.port}/")

    assert response.body == b"mine"
    with pytest.raises(GuardedRequestError, match="not on the public internet"):
        await get(client, f"http://127.0.0.1:{server.port}/away")


async def test_credentials_do_not_follow_a_redirect_to_another_origin(server: WebServer) -> None:
    """They were meant for the first one."""
    server.redirect("/", "http://other.example/next")
    server.add("/next", "there")
    request = OutgoingRequest(url="http://site.example/", headers={"authorization": "Bearer x"})

    response = await server.client().send(request)

    assert response.address.url == "http://other.example/next"
    assert [one.headers.get("authorization") for one in server.received] == ["Bearer x", None]


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        (301, [("POST", b"data"), ("GET", b"")]),
        (303, [("POST", b"data"), ("GET", b"")]),
        (307, [("POST", b"data"), ("POST", b"data")]),
        (308, [("POST", b"data"), ("POST", b"data")]),
    ],
)
async def test_a_redirect_keeps_or_drops_the_method(
    server: WebServer, status: int, sent: list[tuple[str, bytes]]
) -> None:
    """As RFC 9110, 15.4 describes."""
    server.redirect("/", "/next", status=status)
    server.add("/next", "there")

    await server.client().send(
        OutgoingRequest(method="POST", url="http://site.example/", content=b"data")
    )

    assert [(one.method, one.body) for one in server.received] == sent


async def test_redirects_are_counted(server: WebServer) -> None:
    """A loop ends."""
    server.redirect("/", "/")

    with pytest.raises(GuardedRequestError, match="more than 5 redirects"):
        await get(server.client(), "http://site.example/")

    assert len(server.received) == 6


async def test_a_body_is_read_up_to_its_limit(server: WebServer) -> None:
    """Counted after decompression: a small body can become a large one."""
    server.add("/plain", b"x" * 100_000)
    bomb = Page(body=gzip.compress(b"y" * 50_000_000), headers={"content-encoding": "gzip"})
    server.pages["/bomb"] = bomb
    limits = RequestLimits(max_bytes=70_000)

    plain = await get(server.client(), "http://site.example/plain", limits=limits)
    packed = await get(server.client(), "http://site.example/bomb", limits=limits)

    assert plain.is_cut
    assert packed.is_cut
    assert 50_000 <= len(plain.body) <= 70_000
    assert set(packed.body) == {ord("y")}
    assert len(packed.body) <= 70_000


async def test_an_answer_that_does_not_end_is_given_up() -> None:
    """The limit covers everything, from the look-up on."""

    async def resolve(_: str, __: int) -> Sequence[str]:
        await anyio.sleep_forever()
        return []

    client = GuardedClient(GuardedBackend(resolve=resolve))

    with pytest.raises(GuardedRequestError, match=r"within 0\.05 seconds"):
        await get(client, "http://slow.example/", limits=RequestLimits(seconds=0.05))


BROKEN = {
    "not HTTP": b"hello\r\n\r\n",
    "nothing": b"",
    "endless headers": b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 40_000,
    "an unknown encoding": b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\n\r\nx",
    "no gzip": b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\nx",
    "a body that stops": b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx",
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_answer_is_an_error(answer: bytes) -> None:
    """Never another exception."""

    async def serve(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            await stream.receive()
            with suppress(anyio.BrokenResourceError):
                await stream.send(answer)

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as group,
    ):
        group.start_soon(listener.serve, serve)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - not Django's
        client = GuardedClient(GuardedBackend(private_hosts=[("127.0.0.1", port)]))

        with pytest.raises(GuardedRequestError):
            await get(client, f"http://127.0.0.1:{port}/")
        group.cancel_scope.cancel()


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"])
async def test_a_cancelled_request_leaves_no_connection(start: bytes) -> None:
    """Neither before the answer nor in the middle of its body."""
    has_sent, has_closed = anyio.Event(), anyio.Event()

    async def serve(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            await stream.receive()
            if start:
                await stream.send(start)
            has_sent.set()
            with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                await stream.receive()
            has_closed.set()

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as group,
    ):
        group.start_soon(listener.serve, serve)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - not Django's
        client = GuardedClient(GuardedBackend(private_hosts=[("127.0.0.1", port)]))
        async with anyio.create_task_group() as asking:
            asking.start_soon(get, client, f"http://127.0.0.1:{port}/")
            await has_sent.wait()
            asking.cancel_scope.cancel()
        with anyio.fail_after(60):
            await has_closed.wait()
        group.cancel_scope.cancel()


async def test_tls_is_checked_for_the_name_not_for_the_address(server: WebServer) -> None:
    """The server has no certificate, so there is no answer; it never gets a request."""
    with pytest.raises((GuardedRequestError, ssl.SSLError)):
        await get(server.client(), "https://site.example/")

    assert server.received == []
