"""Run an agent and show what happens.

In:  an agent, a prompt, a display.
Out: the result of the run.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio

from agentkit.agent.agent import Agent
from agentkit.agent.result import RunResult
from agentkit.agent.stream import AgentStream
from agentkit.cli.debug_log import log_record
from agentkit.cli.kept_records import KeptRecords
from agentkit.cli.run_display import RunDisplay, ShowRecord
from agentkit.event import with_requests
from agentkit.exception_groups import ungrouped
from agentkit.message import Message, UserMessage


async def show_run(
    agent: Agent[object],
    prompt: str | UserMessage | Iterable[Message],
    *,
    display: RunDisplay,
    show: ShowRecord,
    options: Mapping[str, Any],
    kept: KeptRecords,
    stream: Callable[..., AbstractAsyncContextManager[AgentStream[Any]]] | None = None,
) -> RunResult[Any]:
    """Run an agent, pass each record to `show`, and return the result.

    Args:
        agent: the agent to run.
        prompt: the question, or a conversation that ends with it.
        display: completes what it has written, however the run ends.
        show: gets each record.
        options: of the run; see `agentkit.agent.options.RunOptions`.
        kept: keeps each record.
        stream: starts the run; the method of the agent if not given.
    """
    asked: dict[str, Any] = (
        {"prompt": prompt} if isinstance(prompt, str | UserMessage) else {"history": prompt}
    )
    start = stream or agent.stream
    options = {**options, "listener": with_requests(kept)}
    with ungrouped():
        async with anyio.create_task_group() as group:
            group.start_soon(display.indicator.animate)
            try:
                with kept:
                    async with start(**asked, **options) as run:
                        async for record in run.records():
                            log_record(record)
                            show(record)
            finally:
                display.end()
            group.cancel_scope.cancel()
    result: RunResult[Any] = run.result
    return result
