"""Slotted dataclasses whose methods are written at their first use.

In:  a class with annotated fields, as for `dataclasses.dataclass`.
Out: the same dataclass; it can also be referenced weakly.

The standard decorator takes 0.6 ms for each class, since it compiles six methods, used or not: a
third of the time of `import agentkit`. Here it writes a method when that is first looked up.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError, field
from typing import Any, Literal, TypeVar, dataclass_transform

T = TypeVar("T")
_OPTIONS = {"__init__": "init", "__repr__": "repr", "__eq__": "eq", "__hash__": "eq"}
_KEPT = ("__module__", "__qualname__", "__post_init__")


@dataclass_transform(field_specifiers=(field,))
def dataclass(
    *, slots: Literal[True], frozen: bool = False, kw_only: bool = False, eq: bool = True
) -> Callable[[type[T]], type[T]]:
    """Make a dataclass; see `dataclasses.dataclass` for the arguments."""

    def make(plain: type[T]) -> type[T]:
        made: Any = dataclasses.dataclass(
            init=False, repr=False, eq=False, kw_only=kw_only, slots=slots, weakref_slot=True
        )(plain)
        made.__dataclass_params__.frozen, made.__dataclass_params__.eq = frozen, eq
        late = {name: _Late(made, name) for name, word in _OPTIONS.items() if eq or word != "eq"}
        methods = {**late, **(_FROZEN if frozen else {"__hash__": None} if eq else {})}
        for name in methods.keys() - vars(plain).keys():
            setattr(made, name, methods[name])
        return made  # type: ignore[no-any-return]  # the class, made anew with slots

    return make


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def record(plain: type[T]) -> type[T]:
    """Make a dataclass with keyword-only fields that only type checkers treat as frozen.

    For what each turn makes: setting a field of a frozen value takes eight times as long.
    """
    made: Any = dataclass(slots=True, kw_only=True)(plain)
    made.__hash__ = _Late(made, "__hash__")
    return made  # type: ignore[no-any-return]  # as above


class _Late:
    """A method that is replaced by that of the standard decorator when it is looked up."""

    def __init__(self, made: Any, name: str) -> None:
        self._made, self._name = made, name

    def __get__(self, value: object, owner: type) -> Any:
        made, name = self._made, self._name
        body: dict[str, Any] = {one.name: one for one in dataclasses.fields(made)}
        body["__annotations__"] = {name: one.type for name, one in body.items()}
        body |= {kept: getattr(made, kept) for kept in _KEPT if hasattr(made, kept)}
        options: Any = {option: option == _OPTIONS[name] for option in _OPTIONS.values()}
        options["frozen"] = made.__dataclass_params__.frozen or name == "__hash__"
        twin: Any = dataclasses.dataclass(**options)(type(made.__name__, (), body))
        setattr(made, name, vars(twin)[name])
        return getattr(owner if value is None else value, name)


def _frozen(self: Any, name: str, *value: object) -> None:
    if "__dataclass_fields__" in vars(type(self)) or name in self.__dataclass_fields__:
        raise FrozenInstanceError(f"cannot {'assign to' if value else 'delete'} field {name!r}")
    (object.__setattr__ if value else object.__delattr__)(self, name, *value)


def _setstate(self: object, state: tuple[Mapping[str, object] | None, ...]) -> None:
    for name, value in [item for part in state for item in (part or {}).items()]:
        object.__setattr__(self, name, value)


_FROZEN = {"__setattr__": _frozen, "__delattr__": _frozen, "__setstate__": _setstate}
