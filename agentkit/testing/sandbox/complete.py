"""Make an answer ready to go out: ids, the token limit, stop texts, token counts.

In:  an `Answer` and what the request says about its length.
Out: a `Completion`.

Tokens are counted as pieces of text: a run of up to six letters, a digit, any other character,
each with the space before it. That is near what tokenizers do and the same every time.
"""

import hashlib
import json
import re
from collections.abc import Collection, Sequence

from agentkit.testing.sandbox.ask import Answer, Completion, PlannedCall, SpelledCall

_PIECE = re.compile(r"\s?(?:[^\W\d_]{1,6}|\S)|\s")
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def split_pieces(text: str) -> list[str]:
    """Cut `text` into what counts as one token each; joined they are `text` again."""
    return _PIECE.findall(text)


def count_tokens(*texts: str) -> int:
    """Count the pieces of `texts`."""
    return sum(len(split_pieces(text)) for text in texts)


def complete(
    answer: Answer,
    *,
    prompt: str,
    used_ids: Collection[str] = (),
    max_tokens: int | None = None,
    stop: Sequence[str] = (),
) -> Completion:
    """Give calls their ids and cut what is too long.

    Args:
        answer: what to say.
        prompt: all that was sent, as text; ids follow from it, so they repeat with it.
        used_ids: ids that earlier calls of the conversation have.
        max_tokens: an answer that is longer is cut and ends with `length`.
        stop: text ends before the first of these.
    """
    text = _cut_at_stop(answer.text, stop)
    calls = _spell_calls(answer.calls, prompt=prompt, used_ids=used_ids)
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
    )


def _cut_at_stop(text: str, stop: Sequence[str]) -> str:
    ends = [text.find(word) for word in stop if word and word in text]
    return text[: min(ends)] if ends else text


def _spell_calls(
    calls: Sequence[PlannedCall], *, prompt: str, used_ids: Collection[str]
) -> tuple[SpelledCall, ...]:
    taken = set(used_ids)
    spelled = []
    for index, call in enumerate(calls):
        arguments = json.dumps(call.arguments, ensure_ascii=False)
        call_id = _mint_id(f"{index}\0{call.name}\0{arguments}\0{prompt}", taken)
        taken.add(call_id)
        spelled.append(SpelledCall(id=call_id, name=call.name, arguments=arguments))
    return tuple(spelled)


def _mint_id(seed: str, taken: Collection[str]) -> str:
    """Return nine letters or digits that follow from `seed` and are not taken."""
    number = int.from_bytes(hashlib.blake2b(seed.encode("utf-8", "replace")).digest(), "big")
    while True:
        rest, letters = number, []
        for _ in range(9):
            rest, digit = divmod(rest, len(_ALPHABET))
            letters.append(_ALPHABET[digit])
        minted = "".join(letters)
        if minted not in taken:
            return minted
        number += 1


def _count_call(call: SpelledCall) -> int:
    return count_tokens(call.name, call.arguments)


def _cut_calls(calls: Sequence[SpelledCall], max_tokens: int) -> tuple[SpelledCall, ...]:
    """Keep what fits; the last call kept may have half its arguments, as from a real model."""
    left = max_tokens
    kept = []
    for call in calls:
        left -= count_tokens(call.name)
        if left <= 0:
            break
        arguments = "".join(split_pieces(call.arguments)[:left])
        kept.append(SpelledCall(id=call.id, name=call.name, arguments=arguments))
        left -= count_tokens(arguments)
    return tuple(kept)
