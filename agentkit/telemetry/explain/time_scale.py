"""Place moments of a run on an axis from 0 to 100.

In:  an `Explanation`.
Out: positions on two scales: the true one, and one on which long waits for people are short.
"""

from agentkit.telemetry.explain.explanation import Explanation

_WAIT_SHARE = 0.07
"""The part of the axis that a long wait takes."""

_TICKS = 6


class TimeScale:
    """The two scales of one run.

    Attributes:
        begin: the moment at 0.
    """

    def __init__(self, explanation: Explanation) -> None:
        begin = min([0.0, *(step.start for step in explanation.steps)])
        end = max([explanation.seconds, *(step.end for step in explanation.steps)])
        waits = sorted(
            (step.start, step.end)
            for step in explanation.steps
            if step.kind == "wait" and step.title != "Queue" and step.depth == 0
        )
        working = end - begin - sum(high - low for low, high in waits)
        most = max(working, 1e-9) * _WAIT_SHARE / max(1 - _WAIT_SHARE * len(waits), 0.3)
        self._waits = [(low, high, min(high - low, most)) for low, high in waits]
        self.begin: float = begin
        self._end = max(end, begin + 1e-9)
        self._length = max(self._shortened(self._end), 1e-9)

    def true(self, moment: float) -> float:
        """Return the place of a moment, in proportion to time."""
        return 100 * (moment - self.begin) / (self._end - self.begin)

    def short(self, moment: float) -> float:
        """Return its place if long waits are drawn short."""
        return 100 * self._shortened(moment) / self._length

    @property
    def ticks(self) -> list[float]:
        """Return moments to label, evenly spread over the work."""
        step = (self._end - self.begin) / _TICKS
        if self._waits:
            first = self._waits[0][0] - self.begin
            step = max(first, 1e-9) / 3
            last = self._waits[-1][1]
            before = [self.begin + step * number for number in range(3)]
            after = [last + (self._end - last) / 3 * number for number in range(3)]
            return [*before, *after]
        return [self.begin + step * number for number in range(_TICKS)]

    def _shortened(self, moment: float) -> float:
        passed = moment - self.begin
        for low, high, drawn in self._waits:
            if moment >= high:
                passed -= (high - low) - drawn
            elif moment > low:
                passed -= (moment - low) * (1 - drawn / (high - low))
        return passed
