"""Damage bytes and JSON at random, the same way for the same seed.

In:  a valid message and a `Random`.
Out: a message that is damaged in one to four places.
"""

import json
from collections.abc import Sequence
from random import Random
from typing import Any

LENGTHS = (1, 2, 3, 7, 64, 1_000)
WORDS = (
    *("{", "}", "[", "]", '"', "\\", ",", ":", "null", "true", "NaN", "-", "1e999", "9" * 400),
    *("\x00", "\x1b[31m", "\u202e", "\u200b", "\ufeff", "\r", "\n\n", "é", "𝄞"),
    *("\\ud83d", "\\ude00", "\\u0000", "\\u202e", "\\q"),
    *("data: ", "data: [DONE]\n\n", "event: error\n", "id: 1\n", ": comment\n\n", "retry: 0\n"),
    *("[TOOL_CALLS]", "[TOOL_RESULTS]", "<tool_call>", "</tool_call>", "<think>", "</think>"),
    *(
        "```json\n",
        "```",
        "<|im_end|>",
        "</s>",
        "<|channel|>commentary to=functions.add<|message|>",
    ),
    *("[" * 2_000, '{"a":' * 2_000, '"' * 501, "(" * 500, "\\" * 500),
    *('"id": 1', '"error": {"message": "no"}', '"finish_reason": "length"', '"index": -1'),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 10**30, 1e308, "", " ", "\ud83d", "a\x00b", "x" * 3_000),
    *([], {}, [[]], [None], {"": None}, {"a": {"b": [1, "2", None]}}, ["text"] * 40),
    *("text", "tool_use", "object", "string", "__class__", "../../etc/passwd", "$ref", "#"),
)


def damaged(random: Random, seeds: Sequence[bytes]) -> bytes:
    """Return one of `seeds`, damaged."""
    data = random.choice(seeds)
    for _ in range(random.randint(1, 4)):
        data = _damage_json(random, data) if random.random() < 0.5 else _damage(random, data, seeds)
    return data


def replaced(random: Random, value: Any) -> Any:
    """Return JSON with a part of it replaced, removed, repeated or renamed."""
    if random.random() < 0.9:
        if isinstance(value, dict) and value:
            return _replaced_in_object(random, value)
        if isinstance(value, list) and value:
            return _replaced_in_list(random, value)
    return random.choice(VALUES)


def _replaced_in_object(random: Random, value: dict[str, Any]) -> dict[str, Any]:
    key = random.choice(list(value))
    rest = {name: one for name, one in value.items() if name != key}
    match random.randrange(6):
        case 0:
            return rest
        case 1:
            return {**rest, random.choice(("", "type", "id", key.upper())): value[key]}
        case _:
            return {**rest, key: replaced(random, value[key])}


def _replaced_in_list(random: Random, value: list[Any]) -> list[Any]:
    at = random.randrange(len(value))
    match random.randrange(6):
        case 0:
            return value[:at] + value[at + 1 :]
        case 1:
            return value[: at + 1] + value[at:]
        case _:
            return [*value[:at], replaced(random, value[at]), *value[at + 1 :]]


def _damage(random: Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    start = random.randint(0, len(data))
    end = min(len(data), start + random.choice(LENGTHS))
    match random.randrange(6):
        case 0:
            return data[:start] + data[end:]
        case 1:
            return data[:end] + data[start:]
        case 2:
            return data[:start] + bytes([random.randrange(256)]) + data[start + 1 :]
        case 3:
            other = random.choice(seeds)
            return data[:start] + other[random.randint(0, len(other)) :]
        case 4:
            return data[:start]
        case _:
            return data[:start] + random.choice(WORDS).encode() + data[start:]


def _damage_json(random: Random, data: bytes) -> bytes:
    """Replace a part of one JSON text in `data`: all of it, or a line of a stream."""
    lines = data.split(b"\n")
    places = [at for at, line in enumerate(lines) if b"{" in line]
    if not places:
        return data
    at = random.choice(places)
    before, brace, rest = lines[at].partition(b"{")
    try:
        value = json.loads(brace + rest)
    except (ValueError, RecursionError):
        return data
    is_ascii = random.random() < 0.7
    text = json.dumps(replaced(random, value), ensure_ascii=is_ascii)
    lines[at] = before + text.encode("utf-8", "surrogatepass")
    return b"\n".join(lines)
