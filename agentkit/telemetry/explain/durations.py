"""Write durations and amounts for people.

In:  seconds, dollars.
Out: short text.
"""

from decimal import Decimal

_TENTH = 0.099
"""Below it, hundredths of a second would hide the differences."""
_MINUTE = 60
_HOUR = 3600


def duration(seconds: float) -> str:
    """Return e.g. `0.4 ms`, `90 ms`, `0.25 s`, `8.6 s`, `4 min 12 s`, `3 h 5 min`."""
    if seconds < _TENTH:
        milliseconds = round(seconds * 1000, 1)
        return f"{milliseconds:.{int(0 < milliseconds < 1)}f} ms"
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    rounded = round(seconds)
    if rounded < _MINUTE:
        return f"{rounded} s"
    if rounded < _HOUR:
        return f"{rounded // _MINUTE} min {rounded % _MINUTE} s"
    return f"{rounded // _HOUR} h {rounded % _HOUR // _MINUTE} min"


def money(amount: Decimal | None) -> str:
    """Return e.g. `$0.0101`; a dash if the cost is not known."""
    return "-" if amount is None else f"${amount:.4f}"
