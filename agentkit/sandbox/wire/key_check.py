"""Check the key of a request at the locations where its provider looks for it.

In:  the headers and the body of a request.
Out: the rejection of a missing or wrong key, or None. No key is repeated.
"""

import json
from collections.abc import Iterator, Mapping

from agentkit.sandbox.wire.provider_format import ProviderFormat
from agentkit.sandbox.wire.rejection import Rejection


def check_key(
    headers: Mapping[str, str], body: bytes, *, form: ProviderFormat, key: str | None
) -> Rejection | None:
    """Return the rejection of a request without the right key, or None.

    A key that belongs in the body is not required of requests without a body.
    """
    if key is None or (form.request.key_locations == ("body",) and not body):
        return None
    given = [one for one in _find_keys(headers, body, form=form) if one]
    if key in given:
        return None
    message = "Incorrect API key provided." if given else _MISSING[form.errors == "openrouter"]
    return Rejection(message=message, kind="key", type="authentication_error")


_MISSING = {True: "No auth credentials found", False: "You didn't provide an API key."}


def _find_keys(headers: Mapping[str, str], body: bytes, *, form: ProviderFormat) -> Iterator[str]:
    for location in form.request.key_locations:
        match location:
            case "bearer":
                scheme, _, token = headers.get("authorization", "").partition(" ")
                yield token.strip() if scheme.lower() == "bearer" else ""
            case "x-api-key" | "api-key":
                yield headers.get(location, "")
            case "body":
                yield _find_in_body(body)


def _find_in_body(body: bytes) -> str:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    return str(value.get("key", "")) if isinstance(value, dict) else ""
