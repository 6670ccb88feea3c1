"""Frozen dataclasses that cost little at import.

In:  a class with annotated fields, as for `dataclasses.dataclass`, with the same arguments.
Out: the same dataclass, which can also be referenced weakly. All classes share their methods, and
     `__init__` is compiled at its first use.

The standard decorator compiles six methods for each class, used or not. For the two hundred values
of agentkit that was a third of the import time. Classes that are not frozen and slotted are left to
the standard decorator.
"""

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import Field, FrozenInstanceError
from functools import cache, partial
from reprlib import recursive_repr
from typing import Any, ParamSpec, TypeVar, dataclass_transform

T = TypeVar("T")
P = ParamSpec("P")

_LATE: Any = object()
"""The default of a field that has a factory."""

_SAME: Any = object()
"""The default of a field that `replace` does not change."""

_FREE = {"__slots__": (), "__setattr__": object.__setattr__, "__delattr__": object.__delattr__}


@dataclass_transform(field_specifiers=(dataclasses.field, Field))
def dataclass(
    *,
    frozen: bool = False,
    slots: bool = False,
    kw_only: bool = False,
    eq: bool = True,
    weakref_slot: bool = False,
) -> Callable[[type[T]], type[T]]:
    """Make a dataclass; see `dataclasses.dataclass` for the arguments."""

    def make(plain: type[T]) -> type[T]:
        if not (frozen and slots):
            return dataclasses.dataclass(
                frozen=frozen, slots=slots, kw_only=kw_only, eq=eq, weakref_slot=weakref_slot
            )(plain)
        own = frozenset(vars(plain))
        made: Any = dataclasses.dataclass(
            init=False, repr=False, eq=False, kw_only=kw_only, slots=True, weakref_slot=True
        )(plain)
        made.__dataclass_params__.frozen = True
        made.__dataclass_params__.eq = eq
        shared = {**_SHARED, **(_COMPARED if eq else {})}
        for name in shared.keys() - own:
            setattr(made, name, shared[name])
        made.__init__ = _first_init(made)
        made.__signature__ = _Signature()
        return made  # type: ignore[no-any-return]  # the class, made anew with slots

    return make


def _first_init(made: Any) -> Callable[..., None]:
    """Return an `__init__` that compiles the real one and replaces itself with it."""

    def __init__(self: object, *values: object, **named: object) -> None:  # noqa: N807
        made.__init__ = _init_of(made)
        made.__init__(self, *values, **named)

    __init__.__qualname__ = f"{made.__qualname__}.__init__"
    return __init__


def replace(value: T, /, **changes: Any) -> T:
    """Return a copy of a value with other fields; `dataclasses.replace` at a third of its cost."""
    made: Any = type(value)
    copied: T = _copier_of(made)(value, **changes)
    return copied


def maker(made: Callable[P, T]) -> Callable[P, T]:
    """Return a function that makes values of a class at half the cost of calling the class.

    Used for values that every turn makes. It takes the same arguments.
    """
    if not _is_plain(made):
        return made
    fields, scope = _scope_of(made)
    lines = [
        *_late_lines(fields, scope),
        "new_value = new(unfrozen)",
        *(f"new_value.{one.name} = {one.name}" for one in fields),
        *_ending(made, "new_value"),
        "return new_value",
    ]
    name = getattr(made, "__name__", "")
    return _function(f"{name}({_parameters(fields, scope)})", lines, scope)


def _init_of(made: Any) -> Callable[..., None]:
    """Return the `__init__` of a class of values."""
    if not _is_plain(made):
        return _general_init(made)
    fields, scope = _scope_of(made)
    passed = ", ".join(f"{one.name}={one.name}" for one in fields)
    lines = [
        *_late_lines(fields, scope),
        f"if self.__class__ is not made: return general()(self, {passed})",
        "become(self, unfrozen)",
        *(f"self.{one.name} = {one.name}" for one in fields),
        *_ending(made, "self"),
    ]
    init = _function(f"__init__(self, {_parameters(fields, scope)})", lines, scope)
    init.__qualname__ = f"{made.__qualname__}.__init__"
    return init


def _scope_of(made: Any) -> tuple[Sequence[Field[Any]], dict[str, Any]]:
    """Return the fields of a class, and the global names of the functions that make its values."""
    scope = {
        "made": made,
        "unfrozen": _unfrozen(made),
        "new": object.__new__,
        "become": vars(object)["__class__"].__set__,
        "general": partial(_general_init, made),
        "late": _LATE,
    }
    fields = dataclasses.fields(made)
    for one in fields:
        scope[f"default_{one.name}"] = one.default
        if one.default_factory is not dataclasses.MISSING:
            scope[f"default_{one.name}"] = _LATE
            scope[f"make_{one.name}"] = one.default_factory
    return fields, scope


def _late_lines(fields: Iterable[Field[Any]], scope: Mapping[str, Any]) -> Iterable[str]:
    """Return the lines that call the factories of fields that were not given."""
    names = [one.name for one in fields if f"make_{one.name}" in scope]
    return [f"if {name} is late: {name} = make_{name}()" for name in names]


@cache
def _copier_of(made: Any) -> Callable[..., Any]:
    """Return the function that copies values of a class; the standard one for other dataclasses."""
    if "__signature__" not in vars(made) or not _is_plain(made):
        return dataclasses.replace
    scope = {"made": made, "unfrozen": _unfrozen(made), "new": object.__new__, "same": _SAME}
    names = [one.name for one in dataclasses.fields(made)]
    lines = [
        "copied = new(unfrozen)",
        *(f"copied.{name} = value.{name} if {name} is same else {name}" for name in names),
        *_ending(made, "copied"),
        "return copied",
    ]
    changes = "".join(f", {name}=same" for name in names)
    return _function(f"replace(value, /{changes})", lines, scope)


@cache
def _general_init(made: Any) -> Callable[..., None]:
    """Return the `__init__` that the standard decorator compiles, for any dataclass."""
    fields: dict[str, Any] = {
        one.name: dataclasses.field(
            default=one.default,
            default_factory=one.default_factory,
            init=one.init,
            kw_only=one.kw_only,
        )
        for one in dataclasses.fields(made)
    }
    types = {one.name: one.type for one in dataclasses.fields(made)}
    body = {**fields, "__annotations__": types, "__doc__": "", "__module__": made.__module__}
    if hasattr(made, "__post_init__"):
        body["__post_init__"] = made.__post_init__
    twin: Any = dataclasses.dataclass(frozen=True, repr=False, eq=False)(
        type(made.__name__, (), body)
    )
    init: Callable[..., None] = vars(twin)["__init__"]
    init.__qualname__ = f"{made.__qualname__}.__init__"
    return init


def _is_plain(made: Any) -> bool:
    """Return whether every field of a class is a parameter of its `__init__`."""
    return all(one.init for one in dataclasses.fields(made))


@cache
def _unfrozen(made: Any) -> Any:
    return type(made.__name__, (made,), _FREE)


def _ending(made: Any, name: str) -> Iterable[str]:
    """Return the lines that set a value's class and call its `__post_init__`."""
    yield f"{name}.__class__ = made"
    if hasattr(made, "__post_init__"):
        yield f"{name}.__post_init__()"


def _parameters(fields: Iterable[Field[Any]], scope: dict[str, Any]) -> str:
    """Return the parameter list for fields, keyword-only ones last."""
    texts: list[str] = []
    for one in sorted(fields, key=lambda one: bool(one.kw_only)):
        if one.kw_only and "*" not in texts:
            texts.append("*")
        is_needed = scope[f"default_{one.name}"] is dataclasses.MISSING
        texts.append(one.name if is_needed else f"{one.name}=default_{one.name}")
    return ", ".join(texts)


def _function(head: str, lines: Iterable[str], scope: dict[str, Any]) -> Callable[..., Any]:
    """Compile a function from its head and lines."""
    body = "".join(f"    {line}\n" for line in lines)
    exec(f"def {head}:\n{body}", scope)  # noqa: S102 - field names and lines of this module
    function: Callable[..., Any] = scope[head.partition("(")[0]]
    return function


class _Signature:
    """The signature of a value's class, computed when it is read."""

    def __get__(self, instance: object, owner: Any) -> inspect.Signature:
        if instance is not None:
            raise AttributeError("__signature__")  # a value that can be called has its own
        base = next(one for one in owner.__mro__ if "__init__" in vars(one))
        is_value = "__signature__" in vars(base)
        signature = inspect.signature(_general_init(base) if is_value else base.__init__)
        return signature.replace(parameters=list(signature.parameters.values())[1:])


@cache
def _compared(cls: Any) -> tuple[str, ...]:
    return tuple(one.name for one in dataclasses.fields(cls) if one.compare)


def _values(self: Any) -> tuple[object, ...]:
    cls: Any = type(self)
    return tuple([getattr(self, name) for name in _compared(cls)])


def _eq(self: object, other: object) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    return _values(self) == _values(other)


def _hash(self: object) -> int:
    return hash(_values(self))


@recursive_repr()
def _repr(self: Any) -> str:
    shown = [one.name for one in dataclasses.fields(self) if one.repr]
    return f"{type(self).__qualname__}({', '.join(f'{n}={getattr(self, n)!r}' for n in shown)})"


@recursive_repr()
def short_repr(self: Any) -> str:
    """Return a value as one would write it: without the fields that have their defaults.

    A class takes it as its `__repr__` if most of its fields are rarely set.
    """
    shown: list[str] = []
    is_positional = True
    for one in dataclasses.fields(self):
        value = getattr(self, one.name)
        if one.repr and not _is_default(one, value):
            name = "" if is_positional and not one.kw_only else f"{one.name}="
            shown.append(f"{name}{value!r}")
        else:
            is_positional = False
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _is_default(one: Field[Any], value: object) -> bool:
    if one.default_factory is not dataclasses.MISSING:
        return bool(value == one.default_factory())
    return one.default is not dataclasses.MISSING and bool(value == one.default)


def _setattr(self: Any, name: str, value: object) -> None:
    if "__dataclass_fields__" in vars(type(self)) or name in self.__dataclass_fields__:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")
    object.__setattr__(self, name, value)


def _delattr(self: Any, name: str) -> None:
    if "__dataclass_fields__" in vars(type(self)) or name in self.__dataclass_fields__:
        raise FrozenInstanceError(f"cannot delete field {name!r}")
    object.__delattr__(self, name)


def _getstate(self: Any) -> list[object]:
    return [getattr(self, one.name) for one in dataclasses.fields(self)]


def _setstate(self: Any, state: list[object]) -> None:
    for one, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, one.name, value)


_SHARED = {
    "__repr__": _repr,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
    "__getstate__": _getstate,
    "__setstate__": _setstate,
}
_COMPARED = {"__eq__": _eq, "__hash__": _hash}
