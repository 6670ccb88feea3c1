"""Turn the body of a response into Markdown.

In:  untrusted bytes and their content type.
Out: a `PageText`: the main text first, then the links; or a `PageFormatError`.

The main text is found by trafilatura. A page that is too long or has too many elements for it is
rendered from its outline, whose cost grows with the length alone.
"""

import codecs
import re
from dataclasses import dataclass
from urllib.parse import urljoin

import trafilatura

from agentkit import ToolError
from agentkit.log import Log
from agentkit.transport.guarded.web_address import WebAddressError, parse_web_address
from agentkit_tools.web.html_outline import Outline, read_outline

log: Log = Log("agentkit.tools")

MAX_HTML_CHARACTERS = 1_000_000
MAX_ELEMENTS = 20_000
MAX_WORK = 2_000_000_000
"""What trafilatura gets at most: about two seconds of work, which a thread cannot be stopped in.

Its cost grows with the number of elements times the length of the text: where it removes an element
such as `iframe`, it copies all the text before it.
"""

MAX_TEXT_CHARACTERS = 400_000
MAX_SHOWN_LINKS = 100
MAX_REASON = 200

_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_TEXT_TYPE = re.compile(r"text/.+|application/(?:.+\+)?(?:json|xml|yaml|javascript|x-ndjson)")
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([\w-]{2,40})", re.IGNORECASE)
_HEADER_CHARSET = re.compile(r"charset\s*=\s*\"?([\w-]{2,40})", re.IGNORECASE)
_BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


class PageFormatError(ToolError):
    """The content is not text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageText:
    """A page as a model reads it."""

    title: str
    text: str


def render_page(body: bytes, *, content_type: str, url: str) -> PageText:
    """Return the text of a page; takes up to seconds, so it belongs in a worker thread.

    Args:
        body: the decoded body.
        content_type: the value of the header; empty if there is none.
        url: where the body came from, for its relative links.

    Raises:
        PageFormatError: it is an image, a PDF or another format that is not text.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if not kind:
        kind = "text/html" if body.lstrip()[:1] == b"<" else "text/plain"
    if kind not in _HTML_TYPES and _TEXT_TYPE.fullmatch(kind) is None:
        raise PageFormatError(
            f"The content of {url} is {kind}, which is not text and cannot be read here. "
            "Look for an HTML page with the same content."
        )
    text = decode_body(body, content_type=content_type)
    if kind not in _HTML_TYPES:
        return PageText(title="", text=text[:MAX_TEXT_CHARACTERS].strip())
    outline = read_outline(text)
    main = _main_text(text, outline, url=url) or outline.text
    links = _format_links(outline, url=url)
    return PageText(title=outline.title, text=main[:MAX_TEXT_CHARACTERS].strip() + links)


def decode_body(body: bytes, *, content_type: str) -> str:
    """Return the text of a body: by its byte order mark, its header, its `meta`, else as UTF-8."""
    marked = next((name for bom, name in _BOMS.items() if body.startswith(bom)), None)
    in_header = _HEADER_CHARSET.search(content_type)
    in_page = _META_CHARSET.search(body[:2_000])
    named = marked or (in_header and in_header[1]) or (in_page and in_page[1].decode("ascii"))
    for encoding in (named, "utf-8"):
        try:
            # Codecs such as `zip` do not decode to text, and must not run on untrusted bytes.
            if encoding and codecs.lookup(encoding)._is_text_encoding:
                return body.decode(encoding).replace("\ufeff", "", 1).replace("\0", "")
        except (LookupError, UnicodeError):
            continue
    return body.decode("cp1252", "replace").replace("\0", "")


def _main_text(html: str, outline: Outline, *, url: str) -> str:
    """Return the main text as Markdown; empty if there is none, or the page is too large."""
    work = outline.element_count * len(outline.text)
    if len(html) > MAX_HTML_CHARACTERS or outline.element_count > MAX_ELEMENTS or work > MAX_WORK:
        return ""
    try:
        found = trafilatura.extract(
            html,
            url=url,
            output_format="markdown",
            include_links=True,
            include_tables=True,
            include_comments=False,
            with_metadata=False,
        )
    except Exception as error:  # noqa: BLE001 - untrusted HTML raises any type in its parsers
        reason = f"{type(error).__name__}: {error}"
        log.warning("main_text_not_extracted", error=reason[:MAX_REASON])
        return ""
    return str(found or "")


def _format_links(outline: Outline, *, url: str) -> str:
    """Return the links of the page as a list, each address once."""
    shown: dict[str, str] = {}
    for link in outline.links:
        try:
            base = urljoin(url, outline.base) if outline.base else url
            address = parse_web_address(urljoin(base, link.href)).url
        except (WebAddressError, ValueError):
            continue
        shown.setdefault(address, link.text)
        if len(shown) == MAX_SHOWN_LINKS:
            break
    lines = [f"- [{text}]({address})" for address, text in shown.items()]
    return "\n\n## Links on the page\n\n" + "\n".join(lines) if lines else ""
