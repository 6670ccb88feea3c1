"""Show a stored run on the terminal while its worker does it.

In:  its stored events.
Out: its answers on standard output, everything else on standard error.
"""

from collections.abc import AsyncIterable

import anyio

from agentkit.cli.answer_writer import answer_writer
from agentkit.cli.run_display import RunDisplay
from agentkit.cli.terminal import note
from agentkit.event import ApprovalDecided, EventRecord, RunResumed, RunStarted
from agentkit.exception_groups import ungrouped


async def follow_run(events: AsyncIterable[EventRecord]) -> None:
    """Show what a run does until its events end.

    Raises:
        AgentKitError: the database cannot be used, or there is no such run.
    """
    display = RunDisplay(writer=answer_writer(is_raw=False))
    with ungrouped():
        async with anyio.create_task_group() as group:
            group.start_soon(display.indicator.animate)
            try:
                async for record in events:
                    if line := _line(record):
                        display.end()
                        note(line, style="dim")
                    display.show(record)
            finally:
                display.end()
            group.cancel_scope.cancel()


def _line(record: EventRecord) -> str:
    """Return what is shown of an event that only stored runs have."""
    event = record.event
    match event:
        case RunStarted() if record.parent_id is None:
            return f"{record.at:%Y-%m-%d %H:%M:%S} UTC, segment {record.segment}: {event.agent}"
        case RunResumed(life=life):
            return f"  another worker goes on, life {life}; what was under way is repeated"
        case ApprovalDecided(call_id=call_id, verdict=verdict, decided_by=who):
            by = f" by {who}" if who else ""
            return f"  {call_id}: {verdict}{by}"
        case _:
            return ""
