"""Faults of the answer: text tool calls, wrong ids, broken arguments, an empty answer.

In:  the correct `Completion` and the request it answers.
Out: a faulty one, or None if the fault does not apply to it.

The intended calls stay recognisable: a text tool call holds the same calls, broken arguments are
made from the right ones.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from random import Random
from typing import TypeAlias

from agentkit.json_schema import JsonValue
from agentkit.message import ToolCall
from agentkit.sandbox.wire.call_ids import derive_id
from agentkit.sandbox.wire.completion import Completion, CompletionRequest
from agentkit.sandbox.wire.finalize import split_pieces
from agentkit.sandbox.wire.prompt_markers import CALLS, as_text

AnswerFault: TypeAlias = Callable[[Completion, CompletionRequest, Random], Completion | None]
"""Returns a faulty answer, or None if the fault does not apply."""

_FENCE = "```"


def _as_answer_text(completion: Completion, text: str) -> Completion:
    return replace(completion, text=text, calls=(), finish_reason="stop")


def _listed(completion: Completion) -> str:
    """Return the calls as the model writes them, without the marker."""
    return as_text(completion, marker="").text.strip()


def _named(completion: Completion, between: str, lead: str = CALLS) -> str:
    return "".join(f"{lead}{call.name}{between}{call.arguments}" for call in completion.calls)


def _as_python(call: ToolCall) -> dict[str, JsonValue]:
    return {"name": call.name, "arguments": json.loads(call.arguments)}


def _text_python(completion: Completion) -> str:
    return f"{CALLS} {list(map(_as_python, completion.calls))!r}"


def _text_escaped(completion: Completion) -> str:
    names = (replace(c, name=c.name.replace("_", "\\_")) for c in completion.calls)
    listed = _listed(replace(completion, calls=tuple(names))).replace("\\\\_", "\\_")
    return f"{CALLS.replace('_', chr(92) + '_')} {listed}"


def _text_fenced(completion: Completion) -> str:
    return f"{_FENCE}json\n{_listed(completion)}\n{_FENCE}"


_TEXT_FORMATS: Mapping[str, Callable[[Completion], str]] = {
    "text_call": lambda completion: f"{CALLS} {_listed(completion)}",
    "text_call_no_space": lambda completion: f"{CALLS}{_listed(completion)}",
    "text_call_no_marker": _listed,
    "text_call_after_text": lambda completion: (
        f"I will look that up.\n\n{CALLS} {_listed(completion)}"
    ),
    "text_call_name_args": lambda completion: _named(completion, "[ARGS]"),
    "text_call_name_json": lambda completion: _named(completion, ""),
    "text_call_fenced": _text_fenced,
    "text_call_python": _text_python,
    "text_call_escaped": _text_escaped,
}


def _text_call(write: Callable[[Completion], str]) -> AnswerFault:
    def change(completion: Completion, request: CompletionRequest, _: Random) -> Completion | None:
        if not _has_native_calls(completion, request):
            return None
        return _as_answer_text(completion, write(completion))

    return change


def _has_native_calls(completion: Completion, request: CompletionRequest) -> bool:
    """Return whether the answer has complete calls that are sent as calls."""
    is_complete = completion.finish_reason != "length"
    return bool(completion.calls) and is_complete and request.call_format == "native"


def _long_ids(_: int, call: ToolCall) -> str:
    return derive_id(call.id, (), form="chatcmpl_tool")


def _uuid_ids(_: int, call: ToolCall) -> str:
    return derive_id(call.id, (), form="uuid")


_IDS: Mapping[str, Callable[[int, ToolCall], str]] = {
    "ids_long": _long_ids,
    "ids_uuid": _uuid_ids,
    "ids_empty": lambda _, __: "",
    "ids_zero": lambda _, __: "0",
    "ids_counted": lambda index, _: str(index),
}


def _with_ids(derive: Callable[[int, ToolCall], str]) -> AnswerFault:
    def change(completion: Completion, request: CompletionRequest, _: Random) -> Completion | None:
        if not _has_native_calls(completion, request):
            return None
        calls = (replace(c, id=derive(index, c)) for index, c in enumerate(completion.calls))
        return replace(completion, calls=tuple(calls))

    return change


def _ids_same(completion: Completion, request: CompletionRequest, _: Random) -> Completion | None:
    if len(completion.calls) < 2 or not _has_native_calls(completion, request):
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


def _with_arguments(change_text: Callable[[str], str]) -> AnswerFault:
    def change(completion: Completion, request: CompletionRequest, _: Random) -> Completion | None:
        if not _has_native_calls(completion, request):
            return None
        calls = (replace(c, arguments=change_text(c.arguments)) for c in completion.calls)
        changed = tuple(calls)
        return None if changed == completion.calls else replace(completion, calls=changed)

    return change


def _arguments_joined(
    completion: Completion, request: CompletionRequest, _: Random
) -> Completion | None:
    calls = completion.calls
    is_one_tool = len({call.name for call in calls}) == 1
    if len(calls) < 2 or not is_one_tool or not _has_native_calls(completion, request):
        return None
    joined = "".join(call.arguments for call in completion.calls)
    return replace(completion, calls=(replace(calls[0], arguments=joined),))


def _name_unknown(
    completion: Completion, request: CompletionRequest, _: Random
) -> Completion | None:
    if not _has_native_calls(completion, request):
        return None
    calls = (replace(call, name=f"functions_{call.name}_v2") for call in completion.calls)
    return replace(completion, calls=tuple(calls))


def _empty(completion: Completion, _: CompletionRequest, __: Random) -> Completion:
    return replace(completion, text="", calls=(), finish_reason="stop", completion_tokens=0)


def _blank(completion: Completion, _: CompletionRequest, __: Random) -> Completion:
    return replace(completion, text=" \n", calls=(), finish_reason="stop", completion_tokens=1)


def _cut_by_limit(completion: Completion, _: CompletionRequest, __: Random) -> Completion | None:
    """Cut as a limit of tokens does: half of the last call's arguments, or half of the text."""
    if completion.finish_reason == "length":
        return None
    if completion.calls:
        *before, last = completion.calls
        cut = replace(last, arguments="".join(_half(last.arguments)))
        return replace(completion, calls=(*before, cut), finish_reason="length")
    return replace(completion, text="".join(_half(completion.text)), finish_reason="length")


def _cut_unreported(
    completion: Completion, request: CompletionRequest, rng: Random
) -> Completion | None:
    """Cut in the same way, and report the answer as finished."""
    if not _has_native_calls(completion, request):
        return None
    cut = _cut_by_limit(completion, request, rng)
    return cut and replace(cut, finish_reason="tool_calls")


def _half(text: str) -> Iterator[str]:
    pieces = split_pieces(text)
    yield from pieces[: max(1, len(pieces) // 2)]


def _no_call(completion: Completion, request: CompletionRequest, _: Random) -> Completion | None:
    """Answer with text though a call was required."""
    if not request.plan.choice.is_forced or not completion.calls:
        return None
    return _as_answer_text(completion, "I can help you with that.")


def _marker_mentioned(
    completion: Completion, request: CompletionRequest, _: Random
) -> Completion | None:
    """Mention the marker in the text, which is not a call."""
    if completion.calls or not completion.text or request.call_format != "native":
        return None
    return replace(completion, text=f"{completion.text} (No {CALLS} was needed for this.)")


ANSWER_FAULTS: Mapping[str, AnswerFault] = {
    **{name: _text_call(write) for name, write in _TEXT_FORMATS.items()},
    "marker_mentioned": _marker_mentioned,
    **{name: _with_ids(derive) for name, derive in _IDS.items()},
    "ids_same": _ids_same,
    **{name: _with_arguments(change_text) for name, change_text in _ARGUMENTS.items()},
    "arguments_joined": _arguments_joined,
    "name_unknown": _name_unknown,
    "empty": _empty,
    "blank": _blank,
    "cut_by_limit": _cut_by_limit,
    "cut_unreported": _cut_unreported,
    "no_call": _no_call,
}
"""By name."""
