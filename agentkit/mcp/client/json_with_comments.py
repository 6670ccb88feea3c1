"""Parse JSON with comments and trailing commas, as editors allow it in their settings.

In:  text.
Out: the JSON value.
"""

import json
import re

_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_COMMA = re.compile(r'"(?:[^"\\]|\\.)*"|,(?=\s*[}\]])')


def parse_with_comments(text: str) -> object:
    """Return the value of JSON with comments.

    Raises:
        ValueError: it is not JSON, even without comments and trailing commas.
    """
    # Strings are matched first, so that what looks like a comment in a URL stays.
    plain = _COMMENT.sub(lambda found: found[0] if found[0][0] == '"' else " ", text)
    plain = _COMMA.sub(lambda found: found[0] if found[0][0] == '"' else "", plain)
    value: object = json.loads(plain)
    return value
