"""Checks of all values of one place at once.

In:  what a schema asks of values; the values, of one type.
Out: whether they certainly match, all of them.

A place is e.g. the property `name` of all objects in an array. Most of the work is then done by
loops in C, which take a third of the time of a call for each value.
"""

from collections.abc import Callable, Mapping, Sequence, Sized
from itertools import chain
from operator import itemgetter
from typing import Any, TypeAlias, cast

Check: TypeAlias = Callable[[Sequence[Any], list[int]], bool]
"""Returns whether values of one type certainly match, all of them; gets the tries that are left."""

Form: TypeAlias = Mapping[type, Check | None]
"""By the exact type of a value: what it has to pass, None if all values of the type match."""

_Column: TypeAlias = tuple[Callable[[dict[str, Any]], Any], Form]


def undecided(_: Sequence[Any], __: list[int]) -> bool:
    """Accept nothing; jsonschema decides."""
    return False


def match(values: Sequence[Any], form: Form, left: list[int]) -> bool:
    """Return whether values of any types certainly match, all of them."""
    if len(values) == 1:
        check = form.get(type(values[0]), undecided)
        return check is None or check(values, left)
    kinds = set(map(type, values))
    for kind in kinds:
        check = form.get(kind, undecided)
        if check is None:
            continue
        own = values if len(kinds) == 1 else [one for one in values if type(one) is kind]
        if not check(own, left):
            return False
    return True


def _match_columns(
    values: Sequence[dict[str, Any]], columns: Sequence[_Column], left: list[int]
) -> bool | None:
    """Return whether properties of objects certainly match; None if an object lacks one."""
    try:
        for read, form in columns:
            if not match(list(map(read, values)), form, left):
                return False
    except KeyError:
        return None
    return True


def deferred(form: Form) -> Check:
    """Return a check by a form that is complete only later."""
    return lambda values, left: match(values, form, left)


def of_texts(
    has_length: Callable[[Sequence[str]], bool], *, has_format: Callable[[object], bool] | None
) -> Check:
    """Return a check of strings."""

    def check(values: Sequence[str], _: list[int]) -> bool:
        return has_length(values) and (has_format is None or all(map(has_format, set(values))))

    return check


def of_numbers(lowest: float, highest: float, *, above: float, below: float) -> Check:
    """Return a check of numbers."""

    def check(values: Sequence[Any], _: list[int]) -> bool:
        return all(lowest <= value <= highest and above < value < below for value in values)

    return check


def of_members(values: frozenset[Any]) -> Check:
    """Return a check of values that are listed."""
    return lambda found, _: values.issuperset(found)


def of_lists(
    first: Sequence[Form],
    rest: Form,
    *,
    has_length: Callable[[Sequence[list[Any]]], bool],
    is_unique: bool,
) -> Check:
    """Return a check of arrays: their first items each have a form, the others one in common."""

    def check(values: Sequence[list[Any]], left: list[int]) -> bool:
        if not has_length(values):
            return False
        for position, form in enumerate(first):
            items = [value[position] for value in values if position < len(value)]
            if not match(items, form, left):
                return False
        others = (value[len(first) :] for value in values) if first else values
        if not match(list(chain.from_iterable(others)), rest, left):
            return False
        return not is_unique or all(len(set(value)) == len(value) for value in values)

    return check


def of_objects(fields: Mapping[str, Form], *, required: frozenset[str], others: Form) -> Check:
    """Return a check of objects: their known properties each have a form, `others` one in common.

    The work is linear in the properties that the objects have, however many are known.
    """
    known = {**fields, **dict.fromkeys(required - fields.keys(), others)}
    every = [(itemgetter(name), form) for name, form in known.items()]
    always = [(itemgetter(name), known[name]) for name in required]

    def check(values: Sequence[dict[str, Any]], left: list[int]) -> bool:
        count = sum(map(len, values))
        if count == len(every) * len(values):  # most likely they have exactly those
            matched = _match_columns(values, every, left)
            if matched is not None:
                return matched
        if not _match_columns(values, always, left):
            return False
        if count == len(always) * len(values):
            return True
        rest: dict[str | None, list[Any]] = {}
        for value in values:
            for name, one in value.items():
                if name not in required:
                    rest.setdefault(name if name in known else None, []).append(one)
        return all(
            match(found, others if name is None else known[name], left)
            for name, found in rest.items()
        )

    return check


def of_length(shortest: float, longest: float) -> Callable[[Sequence[Sized]], bool]:
    """Return a check of the lengths of values."""
    if shortest <= 0 and longest == float("inf"):
        return lambda _: True
    return lambda values: all(shortest <= len(value) <= longest for value in values)


def union(forms: Sequence[Form]) -> Form:
    """Return the form of values that match one of several."""
    found: dict[type, Check | None] = {}
    for kind in dict.fromkeys(chain.from_iterable(forms)):
        checks = [form[kind] for form in forms if kind in form]
        if checks:
            found[kind] = None if None in checks else _first_of(cast(list[Check], checks))
    return found


def intersection(forms: Sequence[Form]) -> Form:
    """Return the form of values that match all."""
    found: dict[type, Check | None] = {}
    for kind in set(forms[0]).intersection(*forms[1:]):
        checks = [check for form in forms if (check := form[kind]) is not None]
        found[kind] = _all_of(checks) if checks else None
    return found


def _first_of(checks: Sequence[Check]) -> Check:
    """Return a check that one of several has to accept."""
    if len(checks) == 1:
        return checks[0]

    def check(values: Sequence[Any], left: list[int]) -> bool:
        return all(
            any(_may_try(one, left) and is_one(one, left) for is_one in checks)
            for one in zip(values, strict=True)
        )

    return check


def _all_of(checks: Sequence[Check]) -> Check:
    """Return a check that is accepted by all."""
    if len(checks) == 1:
        return checks[0]

    def check(values: Sequence[Any], left: list[int]) -> bool:
        return all(_may_try(values, left) and one(values, left) for one in checks)

    return check


def _may_try(values: Sequence[Any], left: list[int]) -> bool:
    """Count a try of values of one type."""
    left[0] -= len(values)
    if type(values[0]) in (str, list, dict):
        left[0] -= sum(map(len, values)) // 8
    return left[0] >= 0
