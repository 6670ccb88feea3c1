"""The files of the chat page: their size, their licences, their policy, and what they never do."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from agentkit import Agent
from agentkit.service import build_service
from agentkit.service.page.page_files import FOLDER, page_files
from tests.page.page_model import PageModel

MAX_BYTES = 60_000
TABLE = (FOLDER / "vendor/VENDORED.md").read_text(encoding="utf-8")


@pytest.fixture
def anyio_backend() -> str:
    """Name the event loop: the service runs on asyncio."""
    return "asyncio"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of a service that is not open: the page needs no database."""
    service = build_service({"support": Agent(PageModel())})
    transport = httpx.ASGITransport(app=service)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as found:
        yield found


def sources() -> dict[str, str]:
    """Return the text of our own files."""
    return {
        path.name: path.read_text(encoding="utf-8")
        for path in FOLDER.iterdir()
        if path.suffix in (".js", ".html", ".css")
    }


def test_all_files_have_60_kilobytes_with_gzip() -> None:
    """What a browser loads, the licences left out."""
    size = sum(
        len(one.compressed)
        for name, one in page_files().items()
        if name.endswith((".js", ".css", ".html"))
    )

    assert size <= MAX_BYTES


@pytest.mark.parametrize("name", ["preact-htm.js", "marked.js"])
def test_a_vendored_file_is_the_one_of_the_table(name: str) -> None:
    """By its size and its hash; its licences are in the same folder."""
    content = (FOLDER / "vendor" / name).read_bytes()
    digest = base64.b64encode(hashlib.sha384(content).digest()).decode()
    [line] = [one for one in TABLE.splitlines() if one.startswith(f"| `{name}`")]

    assert digest in line
    assert f"{len(content):,}" in line
    for licence in re.findall(r"LICENSE-\w+", line):
        assert (FOLDER / "vendor" / licence).is_file()


@pytest.mark.parametrize(
    "never",
    ["innerHTML", "outerHTML", "insertAdjacentHTML", "dangerouslySetInnerHTML", "document.write"]
    + ["eval(", "new Function", 'setAttribute("style', "style=${", "javascript:"],
)
def test_our_files_make_no_element_or_code_of_text(never: str) -> None:
    """The policy of the page would refuse it; there is nothing to refuse."""
    assert [name for name, text in sources().items() if never in text] == []


def test_no_line_of_our_files_is_long() -> None:
    """They can be read and reviewed."""
    long = [
        (name, at)
        for name, text in sources().items()
        if name.endswith((".js", ".html"))
        for at, line in enumerate(text.splitlines(), 1)
        if len(line) > 110
    ]

    assert long == []


def test_our_files_name_no_address_elsewhere() -> None:
    """All that the page loads comes from its own server."""
    found = {
        name: re.findall(r"""["'(]https?://[^"')]+""", text) for name, text in sources().items()
    }

    assert {name: one for name, one in found.items() if one} == {}


async def test_the_page_has_a_strict_policy(client: httpx.AsyncClient) -> None:
    """Also its files, which a browser could open by themselves."""
    for path in ("/", "/page/app.js"):
        answer = await client.get(path)
        policy = answer.headers["content-security-policy"]

        assert answer.status_code == 200
        assert policy.startswith("default-src 'none';")
        assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"


async def test_files_are_compressed_and_asked_for_once(client: httpx.AsyncClient) -> None:
    """A browser that has a file gets 304 for it."""
    first = await client.get("/page/app.js")
    plain = await client.get("/page/app.js", headers={"accept-encoding": "identity"})
    again = await client.get("/page/app.js", headers={"if-none-match": first.headers["etag"]})

    assert first.headers["content-encoding"] == "gzip"
    assert first.content == plain.content == page_files()["app.js"].content
    assert "content-encoding" not in plain.headers
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "name", ["", "nothing.js", "../page_files.py", "%2e%2e/turns.py", "vendor"]
)
async def test_nothing_else_is_served(client: httpx.AsyncClient, name: str) -> None:
    """No folder, no file outside."""
    answer = await client.get(f"/page/{name}")

    assert answer.status_code == 404


async def test_a_service_can_leave_the_page_out() -> None:
    """With `has_page=False`."""
    service = build_service({"support": Agent(PageModel())}, has_page=False)
    transport = httpx.ASGITransport(app=service)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as found:
        assert (await found.get("/")).status_code == 404
        assert (await found.get("/page/app.js")).status_code == 404
