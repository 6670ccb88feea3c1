"""Measure stored conversations: append a turn, load a path, search.

In:  which database; the rows are of made-up words, always the same.
Out: figures by name. CPU is that of the client; on PostgreSQL the server's is not part of it.
"""

import random
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

from agentkit.message import AssistantMessage, Message, UserMessage
from agentkit.session import Session, Sessions
from agentkit.store.open_store import open_store
from benchmarks.rounds import Figures
from tests.postgres_server import PostgresServer

TENANT = "acme"
SEARCHED_ENTRIES = 100_000
PATH_MESSAGES = 400
VOCABULARY = 20_000


class _Speaker:
    """Makes messages of words that are as frequent as in a language: few often, many seldom."""

    def __init__(self) -> None:
        self._random = random.Random(7)  # noqa: S311 - no secrets
        self._words = [f"word{number:x}" for number in range(VOCABULARY)]
        self._weights = [1 / rank for rank in range(1, VOCABULARY + 1)]

    def turn(self) -> list[Message]:
        """Return a message of the user and an answer."""
        return [UserMessage(self._text(20)), AssistantMessage(self._text(60))]

    def _text(self, count: int) -> str:
        return " ".join(self._random.choices(self._words, self._weights, k=count))


async def sessions(_: int, *, kind: str, rounds: int = 200) -> Figures:
    """Measure a database with many entries in it."""
    speaker = _Speaker()
    async with _opened(kind) as opened:
        await _fill(opened, speaker)
        talk = await opened.create(tenant=TENANT)
        turns = [speaker.turn() for _ in range(PATH_MESSAGES // 2)]
        return {
            "append CPU ms": await _append(talk, turns) * 1000,
            "path of 400 ms": await _load(opened, talk.id, rounds=rounds) * 1000,
            "search, common words ms": await _search(opened, ("word1 word2", "word0"), rounds)
            * 1000,
            "search, rare words ms": await _search(opened, ("word4d2 word1", "word3e8"), rounds)
            * 1000,
        }


@asynccontextmanager
async def _opened(kind: str) -> AsyncIterator[Sessions]:
    """Open an empty database in a temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="agentkit-"))
    server: PostgresServer | None = None
    try:
        if kind == "postgresql":
            server = PostgresServer(folder)
            url = server.url()
        else:
            url = f"sqlite:{folder / 'bench.db'}"
        async with open_store(url) as store:
            yield Sessions(store)
    finally:
        if server is not None:
            server.close()
        shutil.rmtree(folder, ignore_errors=True)


async def _fill(opened: Sessions, speaker: _Speaker) -> None:
    """Write conversations of a thousand messages each."""
    for _ in range(SEARCHED_ENTRIES // 1000):
        talk = await opened.create(tenant=TENANT)
        await talk.append([message for _ in range(500) for message in speaker.turn()])


async def _append(talk: Session, turns: Iterable[list[Message]]) -> float:
    """Return the median CPU seconds of appending a turn."""
    costs = []
    for turn in turns:
        start = time.process_time()
        await talk.append(turn)
        costs.append(time.process_time() - start)
    return median(costs)


async def _load(opened: Sessions, session_id: str, *, rounds: int) -> float:
    """Return the median seconds of loading all messages of a conversation."""
    took = []
    for _ in range(rounds):
        talk = await opened.get(session_id, tenant=TENANT)
        start = time.perf_counter()
        history = await talk.history()
        took.append(time.perf_counter() - start)
        if len(history) != PATH_MESSAGES:
            raise RuntimeError(f"The path has {len(history)} messages.")
    return median(took)


async def _search(opened: Sessions, queries: Iterable[str], rounds: int) -> float:
    """Return the median seconds of a search that finds something."""
    took = []
    for _ in range(rounds // 10):
        for query in queries:
            start = time.perf_counter()
            found = await opened.search(query, tenant=TENANT)
            took.append(time.perf_counter() - start)
            if not found:
                raise RuntimeError(f"Nothing was found for {query!r}.")
    return median(took)
