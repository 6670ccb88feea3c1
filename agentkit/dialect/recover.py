"""Read what a model meant where it did not write what it should.

In:  argument text from a stranger.
Out: the JSON it stands for, or nothing; never a guess.
"""

import json


def object_text(text: str) -> str:
    """Return `text` if it is a JSON object, else an empty one."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return "{}"
    return text if isinstance(value, dict) else "{}"
