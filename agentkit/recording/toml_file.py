"""The file format of a recording: TOML that a person can review.

In:  `RecordedExchange`s; or the text of a file, perhaps edited.
Out: the text; or the exchanges, their responses equal byte for byte, their requests in meaning.

Requests are indented JSON. Each chunk of a response is one line: the list of its lines, so that a
stream keeps its chunk boundaries. A complete JSON response is indented as well, together with its
spacing. Bytes that are not text are base64. Texts are in TOML's literal quotes, in which nothing is
escaped, whenever they can be.

Version 1 named the provider `host` and the ends of a body differently; it is read too.
"""

import base64
import binascii
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from agentkit.errors import ErrorKind, Retry
from agentkit.recording.recording import (
    VERSION,
    BodyEnd,
    RecordedExchange,
    RecordedFault,
    RecordedResponse,
    RecordingError,
)
from agentkit.wire import WireHead, WireRequest

_TITLE = (
    "# HTTP exchanges with a model provider, recorded by agentkit. To change them, record again."
)
_VERSION_1_ENDS: Mapping[object, BodyEnd] = {
    "whole": "complete",
    "left": "abandoned",
    "silent": "stalled",
}
_Spacing = Literal["compact", "spaced"]
_SEPARATORS: Mapping[_Spacing, tuple[str, str]] = {"compact": (",", ":"), "spaced": (", ", ": ")}


class _Stored(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Bytes(_Stored):
    base64: str


class _CompactJson(_Stored):
    compact: str


class _SpacedJson(_Stored):
    spaced: str


_Chunk = list[str] | _Bytes | _CompactJson | _SpacedJson


class _Answer(_Stored):
    status: int
    headers: dict[str, str] = {}
    chunks: list[_Chunk] = []
    end: BodyEnd = "complete"


class _Fault(_Stored):
    kind: ErrorKind
    retry: Retry
    message: str
    status: int | None = None
    request_id: str | None = None
    retry_after_seconds: float | None = None


class _Exchange(_Stored):
    # Recordings made before 0.2 have the provider under the name `host`.
    provider: str = Field(default="", validation_alias=AliasChoices("provider", "host"))
    method: str
    path: str
    stream: bool = False
    headers: dict[str, str] = {}
    json_body: str | None = Field(default=None, alias="json")
    text: str | None = None
    base64: str | None = None
    answer: _Answer | None = None
    fault: _Fault | None = None


class _File(_Stored):
    version: int
    exchange: list[_Exchange] = []


def load_recording(path: Path) -> tuple[RecordedExchange, ...]:
    """Read the file at `path`.

    Raises:
        RecordingError: it cannot be read, is not a recording, or has an unknown version.
    """
    try:
        return parse_recording(path.read_bytes().decode())
    except (OSError, ValueError, RecordingError) as error:
        raise RecordingError(f"The recording {path} cannot be read: {error}") from error


def save_recording(path: Path, exchanges: Sequence[RecordedExchange]) -> None:
    """Write `exchanges` to `path` atomically; folders are created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = format_recording(exchanges)
    with NamedTemporaryFile(
        "w", dir=path.parent, prefix=".agentkit-", delete=False, encoding="utf-8", newline="\n"
    ) as file:
        file.write(text)
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)


def parse_recording(text: str) -> tuple[RecordedExchange, ...]:
    """Parse the file format.

    Raises:
        RecordingError: the text has another format; the message names the place.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecordingError(f"it is not TOML: {error}.") from error
    version = document.get("version")
    if version not in (1, VERSION):
        raise RecordingError(
            f"it has version {version!r}, and this agentkit reads versions 1 to {VERSION}; update "
            "agentkit, or record again."
        )
    if version == 1:
        document = _from_version_1(document)
    try:
        stored = _reader().validate_python(document)
        return tuple(_exchange(entry) for entry in stored.exchange)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RecordingError(f"at {place}: {first['msg']}.") from error
    except ValueError as error:
        raise RecordingError(f"{error}") from error


def format_recording(exchanges: Sequence[RecordedExchange]) -> str:
    """Return the file format of `exchanges`."""
    lines = [_TITLE, f"version = {VERSION}"]
    for exchange in exchanges:
        lines += ["", "[[exchange]]", *_exchange_lines(exchange)]
    return "\n".join(lines) + "\n"


@cache
def _reader() -> TypeAdapter[_File]:
    """Build the validator of files, at first use."""
    return TypeAdapter(_File)


def _from_version_1(document: Mapping[str, object]) -> dict[str, object]:
    """Return a document of version 1 with today's names; a malformed part stays for validation."""
    exchanges = document.get("exchange")
    if not isinstance(exchanges, list):
        return dict(document)
    return {**document, "exchange": [_renamed(exchange) for exchange in exchanges]}


def _renamed(exchange: object) -> object:
    if not isinstance(exchange, Mapping):
        return exchange
    renamed = {"provider" if name == "host" else name: value for name, value in exchange.items()}
    answer = renamed.get("answer")
    if isinstance(answer, Mapping) and answer.get("end") in _VERSION_1_ENDS:
        renamed["answer"] = {**answer, "end": _VERSION_1_ENDS[answer["end"]]}
    return renamed


def _exchange(stored: _Exchange) -> RecordedExchange:
    request = WireRequest(
        path=stored.path,
        body=_request_body(stored),
        method=stored.method,
        headers=stored.headers,
        stream=stored.stream,
    )
    return RecordedExchange(provider=stored.provider, request=request, outcome=_outcome(stored))


def _outcome(stored: _Exchange) -> RecordedResponse | RecordedFault:
    fault = None if stored.fault is None else RecordedFault(**stored.fault.model_dump())
    if stored.answer is not None:
        return RecordedResponse(
            head=WireHead(stored.answer.status, stored.answer.headers),
            chunks=tuple(_chunk_bytes(chunk) for chunk in stored.answer.chunks),
            end=stored.answer.end,
            fault=fault,
        )
    if fault is not None:
        return fault
    raise ValueError(f"the exchange {stored.method} {stored.path} has no answer and no fault.")


def _request_body(stored: _Exchange) -> bytes:
    if stored.json_body is not None:
        return _with_spacing(stored.json_body, "compact")
    if stored.base64 is not None:
        return _from_base64(stored.base64)
    return (stored.text or "").encode()


def _chunk_bytes(chunk: _Chunk) -> bytes:
    match chunk:
        case _Bytes():
            return _from_base64(chunk.base64)
        case _CompactJson():
            return _with_spacing(chunk.compact, "compact")
        case _SpacedJson():
            return _with_spacing(chunk.spaced, "spaced")
        case _:
            return "\n".join(chunk).encode()


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"{text[:20]!r} is not base64: {error}.") from error


def _with_spacing(text: str, spacing: _Spacing) -> bytes:
    """Return JSON text on one line."""
    value = json.loads(text)
    return json.dumps(value, ensure_ascii=False, separators=_SEPARATORS[spacing]).encode()


def _exchange_lines(exchange: RecordedExchange) -> Iterator[str]:
    request = exchange.request
    if exchange.provider:
        yield f"provider = {_quoted(exchange.provider)}"
    yield f"method = {_quoted(request.method)}"
    yield f"path = {_quoted(request.path)}"
    if request.stream:
        yield "stream = true"
    yield from _header_lines(request.headers)
    yield from _request_body_lines(request.body)
    match exchange.outcome:
        case RecordedFault():
            yield from _fault_lines(exchange.outcome)
        case RecordedResponse():
            yield from _answer_lines(exchange.outcome)


def _header_lines(headers: Mapping[str, str]) -> Iterator[str]:
    if headers:
        pairs = (f"{_key(name)} = {_quoted(value)}" for name, value in headers.items())
        yield f"headers = {{ {', '.join(pairs)} }}"


def _request_body_lines(body: bytes) -> Iterator[str]:
    text = _as_text(body)
    if text and (pretty := _indented(text)):
        yield f"json = {pretty}"
    elif text:
        yield f"text = {_quoted(text)}"
    elif body:
        yield f"base64 = {_quoted(base64.b64encode(body).decode())}"


def _answer_lines(answer: RecordedResponse) -> Iterator[str]:
    yield "[exchange.answer]"
    yield f"status = {answer.head.status}"
    yield from _header_lines(answer.head.headers)
    if answer.end != "complete":
        yield f"end = {_quoted(answer.end)}"
    if answer.chunks:
        yield "chunks = ["
        for chunk in answer.chunks:
            yield f"    {_chunk_text(chunk)},"
        yield "]"
    if answer.fault is not None:
        yield from _fault_lines(answer.fault)


def _chunk_text(chunk: bytes) -> str:
    text = _as_text(chunk)
    if text is None:
        return f"{{ base64 = {_quoted(base64.b64encode(chunk).decode())} }}"
    if pretty := _indented(text):
        for spacing in _SEPARATORS:
            if _with_spacing(text, spacing) == chunk:
                return f"{{ {spacing} = {pretty} }}"
    lines = (_quoted(line) for line in text.split("\n"))
    return f"[{', '.join(lines)}]"


def _fault_lines(fault: RecordedFault) -> Iterator[str]:
    yield "[exchange.fault]"
    yield f"kind = {_quoted(fault.kind)}"
    yield f"retry = {_quoted(fault.retry)}"
    yield f"message = {_quoted(fault.message)}"
    if fault.status is not None:
        yield f"status = {fault.status}"
    if fault.request_id is not None:
        yield f"request_id = {_quoted(fault.request_id)}"
    if fault.retry_after_seconds is not None:
        yield f"retry_after_seconds = {float(fault.retry_after_seconds)!r}"


def _as_text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _indented(text: str) -> str | None:
    """Return a JSON object or list indented, in literal quotes, if both can hold it."""
    if not text.startswith(("{", "[")):
        return None
    try:
        indented = json.dumps(json.loads(text), ensure_ascii=False, indent=2)
        indented.encode()
    except (ValueError, RecursionError):
        return None
    return None if _needs_escapes(indented) else f"'''\n{indented}\n'''"


def _quoted(text: str) -> str:
    """Return `text` as one line of TOML, without escapes if possible."""
    if "\n" in text or _needs_escapes(text) or text.endswith("'"):
        return _escaped(text)
    return f"'''{text}'''" if "'" in text else f"'{text}'"


def _key(text: str) -> str:
    """Return `text` as a key, for which triple quotes are not allowed."""
    return _escaped(text) if "'" in text else _quoted(text)


def _escaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _needs_escapes(text: str) -> bool:
    """Return whether `text` cannot stand in TOML's literal quotes, single or triple."""
    return "'''" in text or any(
        (char < " " and char not in "\t\n") or char == "\x7f" for char in text
    )
