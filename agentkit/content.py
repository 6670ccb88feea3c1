"""Content blocks of messages: those of MCP, and reasoning.

In:  text, media and resources from users, tools and models.
Out: frozen values: text, image, audio, resource link, embedded resource, reasoning;
     `short_repr`, how they are printed.

The fields follow https://modelcontextprotocol.io/specification (ContentBlock), in snake_case.
Binary data stays base64 text, as on the wire.
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, field, fields
from reprlib import recursive_repr
from typing import Any, Literal, TypeAlias

from agentkit.json_schema import JsonValue
from agentkit.value import dataclass


@recursive_repr()
def short_repr(self: Any) -> str:
    """Return a value as one would write it: without the fields that have their defaults.

    A class takes it as its `__repr__` if most of its fields are rarely set.
    """
    shown: list[str] = []
    is_positional = True
    for one in fields(self):
        value = getattr(self, one.name)
        if one.repr and not _is_default(one, value):
            name = "" if is_positional and not one.kw_only else f"{one.name}="
            shown.append(f"{name}{value!r}")
        else:
            is_positional = False
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _is_default(one: Field[Any], value: object) -> bool:
    if one.default_factory is not MISSING:
        return bool(value == one.default_factory())
    return one.default is not MISSING and bool(value == one.default)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextContent:
    """Plain text."""

    text: str = field(kw_only=False)
    annotations: Mapping[str, JsonValue] | None = None
    meta: Mapping[str, JsonValue] | None = None
    type: Literal["text"] = "text"

    __repr__ = short_repr


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageContent:
    """An image; `data` is base64."""

    data: str
    mime_type: str
    annotations: Mapping[str, JsonValue] | None = None
    meta: Mapping[str, JsonValue] | None = None
    type: Literal["image"] = "image"

    __repr__ = short_repr


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioContent:
    """Audio; `data` is base64."""

    data: str
    mime_type: str
    annotations: Mapping[str, JsonValue] | None = None
    meta: Mapping[str, JsonValue] | None = None
    type: Literal["audio"] = "audio"

    __repr__ = short_repr


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceLink:
    """A resource that can be read at `uri`; `size_bytes` is None if the server did not send it."""

    uri: str
    name: str
    title: str | None = None
    description: str | None = None
    mime_type: str | None = None
    size_bytes: int | None = None
    icons: tuple[Mapping[str, JsonValue], ...] = ()
    annotations: Mapping[str, JsonValue] | None = None
    meta: Mapping[str, JsonValue] | None = None
    type: Literal["resource_link"] = "resource_link"

    __repr__ = short_repr


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedResource:
    """A resource with its contents: exactly one of `text` and `blob` (base64) is set.

    `meta` belongs to the block, `resource_meta` to the resource in it.
    """

    uri: str
    text: str | None = None
    blob: str | None = None
    mime_type: str | None = None
    resource_meta: Mapping[str, JsonValue] | None = None
    annotations: Mapping[str, JsonValue] | None = None
    meta: Mapping[str, JsonValue] | None = None
    type: Literal["resource"] = "resource"

    __repr__ = short_repr

    def __post_init__(self) -> None:
        if (self.text is None) == (self.blob is None):
            raise ValueError("An embedded resource holds either text or a blob.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningContent:
    """The model's reasoning before its answer.

    Attributes:
        data: the same as the provider sent it, opaque. Some providers need it back with the call
            before which it came (DeepSeek, Kimi, Anthropic with signatures). Not compared.
    """

    text: str = field(kw_only=False)
    data: tuple[Mapping[str, JsonValue], ...] = field(default=(), compare=False)
    type: Literal["reasoning"] = "reasoning"

    __repr__ = short_repr


ContentBlock: TypeAlias = (
    TextContent | ImageContent | AudioContent | ResourceLink | EmbeddedResource | ReasoningContent
)


def text_blocks(text: str) -> tuple[TextContent, ...]:
    """Return `text` as content blocks: one, or none if it is empty."""
    return (TextContent(text=text),) if text else ()


def join_text(blocks: Sequence[ContentBlock]) -> str:
    """Return the concatenated text blocks of `blocks`; other blocks are skipped."""
    if len(blocks) == 1 and type(blocks[0]) is TextContent:
        return blocks[0].text
    return "".join([block.text for block in blocks if isinstance(block, TextContent)])
