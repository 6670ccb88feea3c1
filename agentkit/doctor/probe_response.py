"""Decode the response to a probe.

In:  a `Probe`, the head and body of the response, or the error instead.
Out: a `ProbeResult`; nothing here raises.

The response is decoded exactly as for an agent, so a positive finding holds for agents too.
"""

import json
from collections.abc import Sequence
from itertools import islice

from agentkit.dialect.base import CallDelta, Delta, TextDelta, UsageDelta
from agentkit.dialect.provider_errors import status_error
from agentkit.doctor.probe import Probe, ProbeResult
from agentkit.errors import ProviderError
from agentkit.model.build import DIALECTS
from agentkit.model.response_builder import ResponseBuilder
from agentkit.usage import Usage
from agentkit.wire import WireHead

_MAX_KEYS = 6


def read_answer(probe: Probe, head: WireHead, body: bytes, *, attempts: int = 1) -> ProbeResult:
    """Return the result of `probe` from its response."""
    if not head.is_success:
        return ProbeResult(
            name=probe.name,
            status=head.status,
            error=status_error(head, body),
            attempts=attempts,
            error_form=form_of(body),
        )
    deltas, error = _decode(probe, head, body)
    builder = ResponseBuilder(probe.request, tool_names=probe.encoded.tool_names)
    builder.feed([*probe.encoded.opening, *deltas])
    response = None
    if error is None:
        try:
            response = builder.finish()
        except ProviderError as problem:
            error = problem
    usages = [delta.usage for delta in deltas if isinstance(delta, UsageDelta)]
    ids, names = _calls(deltas)
    return ProbeResult(
        name=probe.name,
        status=head.status,
        response=response,
        error=error,
        attempts=attempts,
        call_ids=ids,
        call_names=names,
        has_usage=bool(usages),
        is_stream=not body.lstrip().startswith((b"{", b"[")),
        usage=usages[-1] if usages else Usage(),
        error_form="" if error is None or error.kind in _OURS else form_of(body),
        text="".join(delta.text for delta in deltas if isinstance(delta, TextDelta)),
    )


# Faults that our decoder finds; the provider did not reject the request.
_OURS = ("truncated", "empty_response", "bad_response", "stream_interrupted")


def read_failure(probe: Probe, error: ProviderError, *, attempts: int = 1) -> ProbeResult:
    """Return the result of a probe without a response."""
    return ProbeResult(name=probe.name, error=error, attempts=attempts)


def form_of(body: bytes) -> str:
    """Return the structure of an error body: its keys, without their values."""
    text = body.decode("utf-8", "replace").strip()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        if not text:
            return "nothing"
        return "HTML" if text.startswith("<") else "plain text"
    if not isinstance(value, dict):
        return "JSON, not an object"
    return _shape(value)


def _shape(value: dict[str, object]) -> str:
    parts = []
    for key, inner in islice(value.items(), _MAX_KEYS):
        is_open = key in ("error", "message", "detail") and isinstance(inner, dict)
        parts.append(f"{key}: {_shape(inner)}" if is_open and isinstance(inner, dict) else key)
    more = ", …" if len(value) > _MAX_KEYS else ""
    return f"{{{', '.join(parts)}{more}}}"


def _decode(
    probe: Probe, head: WireHead, body: bytes
) -> tuple[Sequence[Delta], ProviderError | None]:
    """Return the decoded deltas, and the error that ended the decoding."""
    decoder = DIALECTS[probe.dialect]().decoder(head)
    deltas: list[Delta] = []
    try:
        deltas.extend(decoder.feed(body))
        deltas.extend(decoder.close())
    except ProviderError as error:
        return deltas, error
    return deltas, None


def _calls(deltas: Sequence[Delta]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return ids and names of the calls, each once even if a stream repeats them."""
    ids: dict[str, None] = {}
    names: list[str] = []
    begun: set[tuple[int | None, str | None]] = set()
    for delta in deltas:
        if not isinstance(delta, CallDelta):
            continue
        if delta.id:
            ids[delta.id] = None
        # Some providers repeat the name in each chunk; a new call has a new index or a new id.
        place = (delta.index, delta.id)
        if delta.name and (delta.is_complete or place not in begun):
            names.append(delta.name)
            begun.update({place, (delta.index, None)})
    return tuple(ids), tuple(names)
