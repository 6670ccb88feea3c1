"""Name the parts of the time of a run.

In:  `TimeSplit`.
Out: names, seconds and shares, as all views show them.
"""

from agentkit.telemetry.explain.run_step import TimeSplit


def time_parts(time: TimeSplit) -> list[tuple[str, float, str]]:
    """Return each part that took time; waiting for people has no share."""
    total = time.without_people
    named = [
        ("Model", time.model),
        ("Tools", time.tools),
        ("Waiting to retry", time.retries),
        ("Recovery after a crash", time.recovery),
        ("Queue", time.queue),
        ("agentkit and the program", time.own),
    ]
    parts = [
        (name, seconds, f"{100 * seconds / total:.0f} %" if total else "")
        for name, seconds in named
        if seconds > 0
    ]
    if time.people:
        parts.append(("Waiting for people", time.people, ""))
    return parts
