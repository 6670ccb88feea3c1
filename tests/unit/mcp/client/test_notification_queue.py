"""What servers tell, kept until it is heard."""

from agentkit import RunEvent, ToolsetReported
from agentkit.mcp.client.notification_queue import MAX_NOTICES, Notices


def said(message: str) -> ToolsetReported:
    """Return a report."""
    return ToolsetReported(toolset="s", level="info", message=message)


async def test_what_is_told_comes_in_order_until_closed() -> None:
    """And nothing that waits at the end is lost."""
    notices = Notices("s")
    heard: list[RunEvent] = []

    async def tell(event: RunEvent) -> None:
        heard.append(event)
        if len(heard) == 1:
            notices.add(said("c"))
            notices.close()

    notices.add(said("a"))
    notices.add(said("b"))
    await notices.pass_on(tell)

    assert heard == [said("a"), said("b"), said("c")]


def test_what_is_too_much_is_dropped_and_counted() -> None:
    """Once."""
    notices = Notices("s")
    for number in range(MAX_NOTICES + 5):
        notices.add(said(str(number)))

    taken = notices.take()

    assert taken[:MAX_NOTICES] == [said(str(number)) for number in range(MAX_NOTICES)]
    (last,) = taken[MAX_NOTICES:]
    assert isinstance(last, ToolsetReported)
    assert "5 notices were dropped" in last.message
    assert notices.take() == []
