"""Wake the tasks of this process that wait for a topic.

In:  topics as they are notified.
Out: `TopicSubscription`s, each woken once for any number of notifications since it looked last.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio


class TopicSubscription:
    """Waits for notifications of one topic."""

    def __init__(self) -> None:
        self._event = anyio.Event()

    async def wait(self) -> None:
        """Return once there was a notification since the last call."""
        await self._event.wait()
        self._event = anyio.Event()

    def wake(self) -> None:
        """Let the next call of `wait` return, or the one that waits."""
        self._event.set()


class Topics:
    """The subscriptions of one store; used in its event loop only."""

    def __init__(self) -> None:
        self._subscriptions: dict[str, set[TopicSubscription]] = {}

    @contextmanager
    def subscribe(self, topic: str) -> Iterator[TopicSubscription]:
        """Yield a subscription of `topic` that is woken from now on."""
        subscription = TopicSubscription()
        group = self._subscriptions.setdefault(topic, set())
        group.add(subscription)
        try:
            yield subscription
        finally:
            group.discard(subscription)
            if not group:
                self._subscriptions.pop(topic, None)

    def publish(self, topic: str) -> None:
        """Wake those who wait for `topic`."""
        for subscription in self._subscriptions.get(topic, ()):
            subscription.wake()

    def publish_all(self) -> None:
        """Wake all: notifications may have been lost."""
        for topic in list(self._subscriptions):
            self.publish(topic)
