"""Read the title, the links and the plain text of an HTML page, in one pass.

In:  untrusted HTML, often not well formed.
Out: an `Outline`.

The standard library's parser takes time that grows with the square of the length for a page of
`<!--<!--<!--…`. Here each search either moves on or ends the page, and no tree is kept: the work
grows with the length only, however deeply the elements are nested.
"""

import re
from dataclasses import dataclass, field
from html import unescape

MAX_LINKS = 500
MAX_TITLE = 300
_MAX_LINK_TEXT = 120

_HIDDEN = frozenset({"script", "style", "template", "noscript", "svg", "head", "iframe", "object"})
_BLOCKS = frozenset(
    {
        *("p", "div", "section", "article", "main", "header", "footer", "nav", "aside", "br"),
        *("ul", "ol", "li", "dl", "dt", "dd", "table", "tr", "pre", "blockquote", "form", "hr"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "figure", "figcaption", "details", "summary"),
    }
)
_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_RAW_ENDS = {
    name: re.compile(f"</{name}", re.IGNORECASE | re.ASCII) for name in ("script", "style")
}
_MAX_TAG = 2_000
_TAG = re.compile(r"<(?P<slash>/?)(?P<name>[a-zA-Z][a-zA-Z0-9:-]{0,40})")
_HREF = re.compile(r"\shref\s{0,9}=\s{0,9}(?P<value>\"[^\"]*\"|'[^']*'|[^\s\"'>]+)", re.IGNORECASE)
_SPACE = re.compile(r"[^\S\n]+")
_GAPS = re.compile(r"\n\s*\n\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link as the page has it; `href` may be relative."""

    text: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What a page holds.

    Attributes:
        base: the value of its `base` element, empty without one.
        element_count: how many elements were opened.
    """

    title: str = ""
    text: str = ""
    links: tuple[Link, ...] = ()
    base: str = ""
    element_count: int = 0


def read_outline(html: str) -> Outline:
    """Read a page; never raises, whatever the page is."""
    reader = _Reader()
    reader.read(html)
    lines = _SPACE.sub(" ", "".join(reader.pieces))
    return Outline(
        title=" ".join("".join(reader.title).split())[:MAX_TITLE],
        text=_GAPS.sub("\n\n", lines).strip(),
        links=tuple(reader.links),
        base=reader.base,
        element_count=reader.count,
    )


@dataclass(slots=True)
class _Reader:
    """Collects while the page is read."""

    pieces: list[str] = field(default_factory=list)
    title: list[str] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    base: str = ""
    count: int = 0
    _hidden: str = ""
    _hidden_depth: int = 0
    _in_title: bool = False
    _href: str | None = None
    _link_text: list[str] = field(default_factory=list)

    def read(self, html: str) -> None:
        """Read a page from its beginning to its end."""
        at = 0
        while at < len(html):
            opening = html.find("<", at)
            if opening < 0:
                self._add_text(html[at:])
                return
            self._add_text(html[at:opening])
            at = self._read_markup(html, opening)
            if at < 0:
                return
            if self._hidden in _RAW_ENDS:
                # Of these, only their own closing tag ends the content.
                ending = _RAW_ENDS[self._hidden].search(html, at)
                if ending is None:
                    return
                at = ending.start()

    def _read_markup(self, html: str, opening: int) -> int:
        """Read a tag or a comment, and return where it ends; -1 if it has no end."""
        if html.startswith("<!--", opening):
            end = html.find("-->", opening + 4)
            return end + 3 if end >= 0 else -1
        found = _TAG.match(html, opening)
        if found is None and not html.startswith(("<!", "<?"), opening):
            self._add_text("<")
            return opening + 1
        end = html.find(">", opening)
        if end < 0:
            return -1
        if found is not None:
            name = found["name"].lower()
            if found["slash"]:
                self._close(name)
            else:
                self._open(name, html[opening : min(end, opening + _MAX_TAG)])
        return end + 1

    def _open(self, tag: str, markup: str) -> None:
        self.count += 1
        if tag == "title":
            self._in_title = not self.title
        elif tag == "base" and not self.base:
            self.base = _href(markup) or ""
        if self._hidden:
            self._hidden_depth += tag == self._hidden
        elif tag in _HIDDEN:
            self._hidden, self._hidden_depth = tag, 1
        elif tag == "a":
            self._end_link()
            self._href = _href(markup)
        elif tag in _BLOCKS:
            self.pieces.append("\n- " if tag == "li" else f"\n{_HEADINGS.get(tag, '')}")

    def _close(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        if self._hidden:
            self._hidden_depth -= tag == self._hidden
            if self._hidden_depth <= 0:
                self._hidden = ""
        elif tag == "a":
            self._end_link()
        elif tag in _BLOCKS:
            self.pieces.append("\n")

    def _add_text(self, text: str) -> None:
        if not text:
            return
        if self._in_title:
            self.title.append(unescape(text))
        elif not self._hidden:
            self.pieces.append(unescape(text))
            if self._href is not None:
                self._link_text.append(unescape(text[: 2 * _MAX_LINK_TEXT]))

    def _end_link(self) -> None:
        """Keep the link that ends here."""
        text = " ".join("".join(self._link_text).split())[:_MAX_LINK_TEXT]
        if self._href and text and len(self.links) < MAX_LINKS:
            self.links.append(Link(text=text, href=self._href))
        self._href, self._link_text = None, []


def _href(markup: str) -> str | None:
    """Return the address in a tag."""
    found = _HREF.search(markup)
    return None if found is None else unescape(found["value"].strip("\"'"))
