"""Misbehaviours of what is said: leaked calls, odd ids, spoiled arguments, nothing at all.

In:  the honest `Completion` and the request it answers.
Out: another in its place, or None where it cannot be spoiled in this way.

What was meant stays known: a leak says the same calls, a spoiling of arguments starts from them.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import TypeAlias

from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.question import Asked, Completion, SpelledCall
from agentkit.sandbox.wire.call_ids import mint_id
from agentkit.sandbox.wire.finalize import split_pieces
from agentkit.sandbox.wire.prompt_markers import CALLS, in_words
from agentkit.value import replace

AnswerChange: TypeAlias = Callable[[Completion, Asked, Random], Completion | None]
"""Spoils an answer, or returns None where it cannot."""

_FENCE = "```"


def _leak(completion: Completion, text: str) -> Completion:
    return replace(completion, text=text, calls=(), finish_reason="stop")


def _listed(completion: Completion) -> str:
    """Return the calls as the model writes them, without the marker."""
    return in_words(completion, marker="").text.strip()


def _named(completion: Completion, between: str, lead: str = CALLS) -> str:
    return "".join(f"{lead}{call.name}{between}{call.arguments}" for call in completion.calls)


def _as_python(call: SpelledCall) -> dict[str, JsonValue]:
    return {"name": call.name, "arguments": json.loads(call.arguments)}


def _leak_python(completion: Completion) -> str:
    return f"{CALLS} {list(map(_as_python, completion.calls))!r}"


def _leak_escaped(completion: Completion) -> str:
    names = (replace(c, name=c.name.replace("_", "\\_")) for c in completion.calls)
    listed = _listed(replace(completion, calls=tuple(names))).replace("\\\\_", "\\_")
    return f"{CALLS.replace('_', chr(92) + '_')} {listed}"


def _leak_fenced(completion: Completion) -> str:
    return f"{_FENCE}json\n{_listed(completion)}\n{_FENCE}"


_LEAKS: Mapping[str, Callable[[Completion], str]] = {
    "text_call": lambda completion: f"{CALLS} {_listed(completion)}",
    "text_call_no_space": lambda completion: f"{CALLS}{_listed(completion)}",
    "text_call_no_marker": _listed,
    "text_call_after_text": lambda completion: (
        f"I will look that up.\n\n{CALLS} {_listed(completion)}"
    ),
    "text_call_name_args": lambda completion: _named(completion, "[ARGS]"),
    "text_call_name_json": lambda completion: _named(completion, ""),
    "text_call_fenced": _leak_fenced,
    "text_call_python": _leak_python,
    "text_call_escaped": _leak_escaped,
}


def _leaking(spell: Callable[[Completion], str]) -> AnswerChange:
    def change(completion: Completion, asked: Asked, _: Random) -> Completion | None:
        if not _has_native_calls(completion, asked):
            return None
        return _leak(completion, spell(completion))

    return change


def _has_native_calls(completion: Completion, asked: Asked) -> bool:
    """Say whether whole calls go out as calls."""
    is_whole = completion.finish_reason != "length"
    return bool(completion.calls) and is_whole and asked.in_words == "no"


def _long_ids(_: int, call: SpelledCall) -> str:
    return mint_id(call.id, (), form="chatcmpl_tool")


def _uuid_ids(_: int, call: SpelledCall) -> str:
    return mint_id(call.id, (), form="uuid")


_IDS: Mapping[str, Callable[[int, SpelledCall], str]] = {
    "ids_long": _long_ids,
    "ids_uuid": _uuid_ids,
    "ids_empty": lambda _, __: "",
    "ids_zero": lambda _, __: "0",
    "ids_counted": lambda index, _: str(index),
}


def _with_ids(mint: Callable[[int, SpelledCall], str]) -> AnswerChange:
    def change(completion: Completion, asked: Asked, _: Random) -> Completion | None:
        if not _has_native_calls(completion, asked):
            return None
        calls = (replace(c, id=mint(index, c)) for index, c in enumerate(completion.calls))
        return replace(completion, calls=tuple(calls))

    return change


def _ids_same(completion: Completion, asked: Asked, _: Random) -> Completion | None:
    if len(completion.calls) < 2 or not _has_native_calls(completion, asked):
        return None
    first = completion.calls[0].id
    return replace(completion, calls=tuple(replace(c, id=first) for c in completion.calls))


def _arguments_cut(text: str) -> str:
    return text[: len(text) * 2 // 3]


_ARGUMENTS: Mapping[str, Callable[[str], str]] = {
    "arguments_repeated": lambda text: text + text,
    "arguments_after_empty": lambda text: "{}" + text,
    "arguments_double_encoded": json.dumps,
    "arguments_python": lambda text: repr(json.loads(text)),
    "arguments_fenced": lambda text: f"{_FENCE}json\n{text}\n{_FENCE}",
    "arguments_broken": _arguments_cut,
    "arguments_unclosed": lambda text: text.rstrip().removesuffix("}"),
    "arguments_not_an_object": lambda text: json.dumps([json.loads(text)]),
}


def _with_arguments(spoil: Callable[[str], str]) -> AnswerChange:
    def change(completion: Completion, asked: Asked, _: Random) -> Completion | None:
        if not _has_native_calls(completion, asked):
            return None
        calls = (replace(c, arguments=spoil(c.arguments)) for c in completion.calls)
        spoiled = tuple(calls)
        return None if spoiled == completion.calls else replace(completion, calls=spoiled)

    return change


def _arguments_glued(completion: Completion, asked: Asked, _: Random) -> Completion | None:
    calls = completion.calls
    is_one_tool = len({call.name for call in calls}) == 1
    if len(calls) < 2 or not is_one_tool or not _has_native_calls(completion, asked):
        return None
    glued = "".join(call.arguments for call in completion.calls)
    return replace(completion, calls=(replace(calls[0], arguments=glued),))


def _name_unknown(completion: Completion, asked: Asked, _: Random) -> Completion | None:
    if not _has_native_calls(completion, asked):
        return None
    calls = (replace(call, name=f"functions_{call.name}_v2") for call in completion.calls)
    return replace(completion, calls=tuple(calls))


def _empty(completion: Completion, _: Asked, __: Random) -> Completion:
    return replace(completion, text="", calls=(), finish_reason="stop", completion_tokens=0)


def _blank(completion: Completion, _: Asked, __: Random) -> Completion:
    return replace(completion, text=" \n", calls=(), finish_reason="stop", completion_tokens=1)


def _cut_by_limit(completion: Completion, _: Asked, __: Random) -> Completion | None:
    """Cut as a limit of tokens does: half of the last call's arguments, or half of the text."""
    if completion.finish_reason == "length":
        return None
    if completion.calls:
        *before, last = completion.calls
        cut = replace(last, arguments="".join(_half(last.arguments)))
        return replace(completion, calls=(*before, cut), finish_reason="length")
    return replace(completion, text="".join(_half(completion.text)), finish_reason="length")


def _cut_untold(completion: Completion, asked: Asked, rng: Random) -> Completion | None:
    """Cut in the same way, and call the answer finished."""
    if not _has_native_calls(completion, asked):
        return None
    cut = _cut_by_limit(completion, asked, rng)
    return cut and replace(cut, finish_reason="tool_calls")


def _half(text: str) -> Iterator[str]:
    pieces = split_pieces(text)
    yield from pieces[: max(1, len(pieces) // 2)]


def _no_call(completion: Completion, asked: Asked, _: Random) -> Completion | None:
    """Answer in words where a call was demanded."""
    if not asked.ask.choice.is_forced or not completion.calls:
        return None
    return _leak(completion, "I can help you with that.")


def _words_beside(completion: Completion, asked: Asked, _: Random) -> Completion | None:
    """Talk about the marker, which is no call."""
    if completion.calls or not completion.text or asked.in_words != "no":
        return None
    return replace(completion, text=f"{completion.text} (No {CALLS} was needed for this.)")


ANSWER_CHANGES: Mapping[str, AnswerChange] = {
    **{name: _leaking(spell) for name, spell in _LEAKS.items()},
    "marker_mentioned": _words_beside,
    **{name: _with_ids(mint) for name, mint in _IDS.items()},
    "ids_same": _ids_same,
    **{name: _with_arguments(spoil) for name, spoil in _ARGUMENTS.items()},
    "arguments_joined": _arguments_glued,
    "name_unknown": _name_unknown,
    "empty": _empty,
    "blank": _blank,
    "cut_by_limit": _cut_by_limit,
    "cut_unreported": _cut_untold,
    "no_call": _no_call,
}
"""By name."""
