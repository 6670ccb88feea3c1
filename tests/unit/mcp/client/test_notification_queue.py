"""The queue of a server's notifications."""

from agentkit import RunEvent
from agentkit.event import ToolsetReported
from agentkit.mcp.client.notification_queue import MAX_NOTIFICATIONS, NotificationQueue


def report(message: str) -> ToolsetReported:
    """Return a report."""
    return ToolsetReported(toolset="s", level="info", message=message)


async def test_events_are_emitted_in_order_until_closed() -> None:
    """None of the queued events is lost."""
    notifications = NotificationQueue("s")
    received: list[RunEvent] = []

    async def emit(event: RunEvent) -> None:
        received.append(event)
        if len(received) == 1:
            notifications.add(report("c"))
            notifications.close()

    notifications.add(report("a"))
    notifications.add(report("b"))
    await notifications.forward(emit)

    assert received == [report("a"), report("b"), report("c")]


def test_excess_events_are_dropped_and_counted() -> None:
    """The count is reported once."""
    notifications = NotificationQueue("s")
    for number in range(MAX_NOTIFICATIONS + 5):
        notifications.add(report(str(number)))

    taken = notifications.take()

    assert taken[:MAX_NOTIFICATIONS] == [report(str(number)) for number in range(MAX_NOTIFICATIONS)]
    (last,) = taken[MAX_NOTIFICATIONS:]
    assert isinstance(last, ToolsetReported)
    assert "5 were dropped" in last.message
    assert notifications.take() == []


def test_forwarding_begins_with_the_first_event() -> None:
    """Most calls have none, and cost no task."""
    begun: list[str] = []
    notifications, unused = NotificationQueue("s"), NotificationQueue("s")
    notifications.begin_with(lambda: begun.append("used"))
    unused.begin_with(lambda: begun.append("unused"))

    notifications.add(report("a"))
    notifications.add(report("b"))
    unused.close()
    unused.add(report("c"))

    assert begun == ["used"]
