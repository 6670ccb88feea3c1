"""Divide the time of a run among what it did.

In:  intervals, which may overlap.
Out: `TimeSplit`; each moment counts once.
"""

from collections import Counter
from collections.abc import Sequence

from agentkit.telemetry.explain.run_step import TimeSplit
from agentkit.telemetry.explain.step_draft import Activity, Interval

_ORDER: Sequence[Activity] = ("recovery", "model", "tools", "retries", "queue", "people")


def split_time(intervals: Sequence[Interval], seconds: float) -> TimeSplit:
    """Return the seconds of each activity; the time from 0 to `seconds` in none is agentkit's own.

    Time before 0, in a queue, counts too.
    """
    changes: list[tuple[float, int, Activity]] = []
    for activity, start, end in intervals:
        if end > start:
            changes += ((start, 1, activity), (min(end, max(seconds, start)), -1, activity))
    changes.sort(key=lambda change: (change[0], change[1]))
    active: Counter[str] = Counter()
    spent = dict.fromkeys((*_ORDER, "own"), 0.0)
    at = min([0.0, *(change[0] for change in changes)])
    for moment, step, activity in [*changes, (max(seconds, at), 0, "model")]:
        current = next((name for name in _ORDER if active[name]), "own")
        spent[current] += max(0.0, moment - at)
        at = max(at, moment)
        active[activity] += step
    return TimeSplit(**spent)
