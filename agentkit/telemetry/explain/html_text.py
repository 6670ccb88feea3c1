"""Write HTML in which every text stays text.

In:  names of elements, attributes, texts.
Out: `Html`, which is only made here; a plain string is escaped.
"""

from collections.abc import Iterable
from html import escape
from typing import NewType, TypeAlias

Html = NewType("Html", str)
Value: TypeAlias = str | float | bool | None

_EMPTY = frozenset({"col", "input", "meta", "rect"})


def text(value: str) -> Html:
    """Return text as HTML; controls, which browsers may interpret, are replaced."""
    if not value.isprintable():
        value = "".join(
            char if char.isprintable() or char in "\n\t" else "\ufffd" for char in value
        )
    return Html(escape(value, quote=True))


def element(tag: str, /, *children: Html, **attributes: Value) -> Html:
    """Return an element; `class_` is the attribute `class`, `data_x` is `data-x`.

    Attributes that are None or False are left out, and True is one without a value.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if tag in _EMPTY:
        return Html(f"<{tag}{written}/>")
    return Html(f"<{tag}{written}>{''.join(children)}</{tag}>")


def join(parts: Iterable[Html]) -> Html:
    """Return HTML that follows each other."""
    return Html("".join(parts))


def _attribute(key: str, value: Value) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{text(str(value))}"'
