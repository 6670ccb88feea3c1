"""Serve the files of the chat page.

In:  the name of a file.
Out: its content, compressed if the browser takes that, under a policy that lets the page load
     nothing from elsewhere and make no element of text.

There is no build: the page's own scripts and styles are sent as they are, without the indentation
and the lines that are comments.
"""

import gzip
import hashlib
from functools import cache
from pathlib import Path

from agentkit.service.exchange import HttpExchange
from agentkit.service.http_errors import not_found
from agentkit.service.openapi import ServiceRoute
from agentkit.telemetry.explain.html_view import source_digests
from agentkit.value import dataclass

FOLDER = Path(__file__).parent / "static"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    "": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFile:
    """A file of the page; `tag` changes with its content."""

    content: bytes
    compressed: bytes
    content_type: str
    tag: str


@cache
def page_files() -> dict[str, PageFile]:
    """Return all files by name; they are read once."""
    found: dict[str, PageFile] = {}
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file() and path.suffix in TYPES:
            content = path.read_bytes()
            if path.suffix in (".js", ".css") and path.parent == FOLDER:
                content = _without_comments(content)
            found[path.relative_to(FOLDER).as_posix()] = PageFile(
                content=content,
                compressed=gzip.compress(content, 9, mtime=0),
                content_type=TYPES[path.suffix],
                tag=f'"{hashlib.sha256(content).hexdigest()[:20]}"',
            )
    return found


def _without_comments(source: bytes) -> bytes:
    """Return a script or a style without its indentation and the lines that are only a comment."""
    lines = (line.strip() for line in source.splitlines())
    kept = (
        line
        for line in lines
        if line
        and not line.startswith(b"//")
        and not (line.startswith(b"/*") and line.endswith(b"*/"))
    )
    return b"\n".join(kept) + b"\n"


@cache
def page_policy() -> str:
    """Return the content security policy of the page.

    An explained run is shown in a frame without an origin. Its document comes from memory, so it is
    under this policy too, which names its one style and one script by their hashes.
    """
    style, script = source_digests()
    return (
        f"default-src 'none'; script-src 'self' '{script}'; style-src 'self' '{style}'; "
        "img-src 'self' data:; connect-src 'self'; font-src 'self'; frame-src blob:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def page_routes() -> list[ServiceRoute]:
    """Return the routes of the page, which need no token: the page asks for one itself."""
    return [
        ServiceRoute(
            method="GET", path="/", endpoint=_index, summary="Show the chat page.", is_open=True
        ),
        ServiceRoute(
            method="GET",
            path="/page/{name:path}",
            endpoint=_file,
            summary="Return a file of the chat page.",
            is_open=True,
        ),
    ]


async def _index(exchange: HttpExchange) -> None:
    await _send(exchange, "index.html")


async def _file(exchange: HttpExchange) -> None:
    await _send(exchange, exchange.path_params["name"])


async def _send(exchange: HttpExchange, name: str) -> None:
    found = page_files().get(name)
    if found is None:
        raise not_found(f"file {name[:200]!r}")
    headers = {
        "content-security-policy": page_policy(),
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cache-control": "no-cache",
        "vary": "accept-encoding",
        "etag": found.tag,
    }
    if exchange.headers.get("if-none-match") == found.tag:
        exchange.extra_headers.update(headers)
        await exchange.send_nothing(304)
        return
    content = found.content
    if "gzip" in exchange.headers.get("accept-encoding", ""):
        content = found.compressed
        headers["content-encoding"] = "gzip"
    await exchange.send_content(content, found.content_type, headers=headers)
