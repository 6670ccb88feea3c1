"""Complete an answer: ids, the token limit, stop texts, token counts.

In:  a `PlannedAnswer` and what the request says about its length.
Out: a `Completion`.

Tokens are counted as pieces of text: a run of up to six letters, a digit, any other character,
each with the space before it. That is near what tokenizers do and the same every time.
"""

import json
import re
from collections.abc import Collection, Sequence

from agentkit.message import ToolCall
from agentkit.sandbox.planner.plan_request import CallRecord, PlannedAnswer
from agentkit.sandbox.wire.call_ids import derive_id
from agentkit.sandbox.wire.completion import Completion
from agentkit.sandbox.wire.provider_format import IdFormat

_PIECE = re.compile(r"\s?(?:[^\W\d_]{1,6}|\S)|\s")


def split_pieces(text: str) -> list[str]:
    """Cut `text` into pieces that count as one token each; joined they are `text` again."""
    return _PIECE.findall(text)


def count_tokens(*texts: str) -> int:
    """Count the pieces of `texts`."""
    return sum(len(split_pieces(text)) for text in texts)


def complete(
    answer: PlannedAnswer,
    *,
    prompt: str,
    used_ids: Collection[str] = (),
    max_tokens: int | None = None,
    stop: Sequence[str] = (),
    ids: IdFormat = "nine",
) -> Completion:
    """Give calls their ids and cut what is too long.

    Args:
        answer: the text or the calls.
        prompt: everything that was sent, as text; ids are derived from it.
        used_ids: ids that earlier calls of the conversation have.
        max_tokens: an answer that is longer is cut and ends with `length`.
        stop: text ends before the first of these.
        ids: the format of the ids.
    """
    text, stop_sequence = _cut_at_stop(answer.text, stop)
    calls = _as_tool_calls(answer.calls, prompt=prompt, used_ids=used_ids, ids=ids)
    size = count_tokens(text) + sum(_count_call(call) for call in calls)
    prompt_tokens = count_tokens(prompt)
    if max_tokens is not None and size > max_tokens:
        return Completion(
            text="".join(split_pieces(text)[:max_tokens]),
            calls=_cut_calls(calls, max_tokens),
            finish_reason="length",
            prompt_tokens=prompt_tokens,
            completion_tokens=max_tokens,
        )
    return Completion(
        text=text,
        calls=calls,
        finish_reason="tool_calls" if calls else "stop",
        prompt_tokens=prompt_tokens,
        completion_tokens=size,
        stop_sequence=stop_sequence,
    )


def _cut_at_stop(text: str, stop: Sequence[str]) -> tuple[str, str | None]:
    """Return the text before the first stop text, and that stop text."""
    ends = [(text.find(word), word) for word in stop if word and word in text]
    if not ends:
        return text, None
    end, word = min(ends)
    return text[:end], word


def _as_tool_calls(
    calls: Sequence[CallRecord], *, prompt: str, used_ids: Collection[str], ids: IdFormat
) -> tuple[ToolCall, ...]:
    taken = set(used_ids)
    encoded = []
    for index, call in enumerate(calls):
        arguments = json.dumps(call.arguments, ensure_ascii=False)
        call_id = derive_id(f"{index}\0{call.name}\0{arguments}\0{prompt}", taken, form=ids)
        taken.add(call_id)
        encoded.append(ToolCall(id=call_id, name=call.name, arguments=arguments))
    return tuple(encoded)


def _count_call(call: ToolCall) -> int:
    return count_tokens(call.name, call.arguments)


def _cut_calls(calls: Sequence[ToolCall], max_tokens: int) -> tuple[ToolCall, ...]:
    """Keep what fits; the last call kept may have half its arguments, as from a real model."""
    left = max_tokens
    kept = []
    for call in calls:
        left -= count_tokens(call.name)
        if left <= 0:
            break
        arguments = "".join(split_pieces(call.arguments)[:left])
        kept.append(ToolCall(id=call.id, name=call.name, arguments=arguments))
        left -= count_tokens(arguments)
    return tuple(kept)
