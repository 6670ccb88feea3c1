"""Valid names for tools that others have named.

In:  the name of a tool as a server lists it: any text.
Out: a valid name, `[A-Za-z0-9_.-]{1,128}`; different names stay different.
"""

import hashlib
import re

MAX_CHARS = 128
_VALID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_OTHER = re.compile(r"[^A-Za-z0-9_.-]+")
_DIGEST_CHARS = 8


def valid_tool_name(name: str) -> str:
    """Return a valid name for `name`, unchanged if it is valid.

    Any other keeps its valid characters and gets a digest, so that `a/b` and `a:b`, names of other
    scripts, and long names with a common beginning stay different. It is the same in every turn
    and on every machine.
    """
    if _VALID.fullmatch(name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:_DIGEST_CHARS]
    readable = _OTHER.sub("_", name)[: MAX_CHARS - _DIGEST_CHARS - 1].strip("_") or "tool"
    return f"{readable}_{digest}"
