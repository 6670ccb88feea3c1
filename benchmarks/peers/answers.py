"""Ask one framework all questions, in that framework's environment.

In:  the name of its module; a JSON line with `id`, `url` and `is_streamed` for each question, on
     standard input.
Out: a JSON line for each question: how it ended, its text or error, and what the tool ran for.

Each module has an async function `ask(question)` that returns the text of the answer.
"""

import asyncio  # noqa: TID251 - a framework that does not end is left alone, which anyio refuses
import contextlib
import json
import os
import sys
import time
from collections.abc import Mapping
from importlib import import_module

from benchmarks.question import Question

AT_ONCE = 4
LIMIT_SECONDS = 60


async def main(name: str) -> None:
    """Ask the questions, some at once, and write each outcome as soon as it is known."""
    peer = import_module(f"benchmarks.{name}")
    free = asyncio.Semaphore(AT_ONCE)
    lines = [json.loads(line) for line in sys.stdin]
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # some frameworks print

    async def outcome_of(given: Mapping[str, object]) -> None:
        question = Question(url=str(given["url"]), is_streamed=bool(given["is_streamed"]))
        async with free:
            begun = time.monotonic()
            asked = asyncio.ensure_future(peer.ask(question))
            await asyncio.wait({asked}, timeout=LIMIT_SECONDS)
            outcome = {"id": given["id"], "ran": list(question.ran), **ended(asked)}
            outcome["seconds"] = round(time.monotonic() - begun, 1)
            output.write(json.dumps(outcome) + "\n")
            output.flush()
            asked.cancel()
            with contextlib.suppress(BaseException):  # whatever it raises now, it is too late
                await asyncio.wait({asked}, timeout=5)

    await asyncio.gather(*(outcome_of(line) for line in lines))


def ended(asked: "asyncio.Future[str]") -> Mapping[str, object]:
    """Return how a task ended."""
    if not asked.done():
        return {"ended": "never"}
    if asked.cancelled():
        return {"ended": "raised", "error": "CancelledError"}
    error = asked.exception()
    if error is not None:
        return {"ended": "raised", "error": f"{type(error).__name__}: {error}"[:300]}
    return {"ended": "returned", "text": str(asked.result())}


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
