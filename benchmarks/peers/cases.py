"""The same work for the baseline loop and for another framework, in that framework's environment.

In:  the name of a framework and of a case, the stub server's port.
Out: figures, as JSON.

Each framework has a module here with its idiomatic code: an async function `opened(case, url)`
that yields a coroutine function for one run.
"""

import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from importlib import import_module

import anyio
import httpx

from benchmarks import baseline
from benchmarks.case import Case, Run
from benchmarks.rounds import Figures, per_delta, ratio

CASES: Mapping[str, Callable[..., Awaitable[Figures]]] = {
    "short run, 1 tool": partial(ratio, case=Case(), runs=20, rounds=5),
    "short run, 20 tools": partial(ratio, case=Case(tools=20), runs=20, rounds=5),
    "100-turn run": partial(ratio, case=Case(calls=99), runs=1, rounds=3),
    "streamed delta, text": partial(per_delta, case=Case(calls=0, deltas=500), runs=3, rounds=5),
}


def opener(
    name: str,
) -> Callable[[Case, int], AbstractAsyncContextManager[tuple[Run, Run]]]:
    """Return a context manager that opens the baseline loop and a framework."""
    peer = import_module(f"benchmarks.peers.{name}")

    @asynccontextmanager
    async def opened(case: Case, port: int) -> AsyncIterator[tuple[Run, Run]]:
        async with (
            httpx.AsyncClient(timeout=300) as client,
            peer.opened(case, case.url(port)) as run,
        ):

            async def run_checked() -> object:
                return case.checked(await run())

            yield baseline.run_of(case, client, port), run_checked

    return opened


def main(name: str, case: str, port: str) -> None:
    """Measure one case and write its figures."""
    figures = anyio.run(partial(CASES[case], opener(name), port=int(port)))
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
