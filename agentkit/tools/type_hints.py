"""Resolve the annotations of a function, as far as its schema needs them.

In:  a function.
Out: its type hints by name; `Unresolved` for each that names something that does not exist.

A module may import a type under `if TYPE_CHECKING:`, to break a cycle of imports. In
`RunContext[Database]`, and as what the function returns, such a name is not needed.
"""

import builtins
import inspect
import sys
from collections.abc import Callable, Mapping
from types import SimpleNamespace, UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin, get_type_hints

from typing_extensions import TypeAliasType

from agentkit.tools.run_context import RunContext
from agentkit.value import dataclass

if sys.version_info >= (3, 14):
    import annotationlib
if sys.version_info >= (3, 12):
    from typing import TypeAliasType as NativeTypeAliasType
else:
    NativeTypeAliasType = TypeAliasType


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """An annotation that cannot be resolved, and why.

    Attributes:
        is_context: it is a `RunContext`, whatever its parameter is.
    """

    error: NameError
    is_context: bool


def resolve_hints(function: Callable[..., object]) -> Mapping[str, Any]:
    """Return the type hints of a function, also those that name what is local around it.

    Raises:
        TypeError: an annotation is not a type.
    """
    names = _local_names(function)
    try:
        return get_type_hints(function, localns=names, include_extras=True)
    except NameError:
        raw = _raw_annotations(function)
    module_names = getattr(function, "__globals__", {})
    return {name: _resolve(raw[name], module_names, names or {}) for name in raw}


def is_context(hint: object) -> bool:
    """Return whether a hint is a `RunContext`: plain, optional, annotated, or by an alias."""
    if isinstance(hint, Unresolved):
        return hint.is_context
    origin = get_origin(hint)
    if origin is Annotated:
        return is_context(get_args(hint)[0])
    if origin in (Union, UnionType):
        return any(map(is_context, get_args(hint)))
    for alias in (hint, origin):
        if isinstance(alias, TypeAliasType | NativeTypeAliasType):
            try:
                return is_context(alias.__value__)
            except NameError:  # it is evaluated late
                return False
    return hint is RunContext or origin is RunContext


def deps_type_of(hint: object) -> Any:
    """Return the type that a `RunContext` hint has for its dependencies; `Any` without one."""
    origin = get_origin(hint)
    if origin is RunContext:
        return get_args(hint)[0]
    if origin in (Annotated, Union, UnionType):
        return next((deps_type_of(one) for one in get_args(hint) if is_context(one)), Any)
    return Any


def _resolve(raw: object, module_names: Mapping[str, Any], local_names: Mapping[str, Any]) -> Any:
    """Resolve one annotation."""

    def resolve(names: Mapping[str, Any]) -> Any:
        holder = SimpleNamespace(__annotations__={"hint": raw})
        known = dict(module_names)
        return get_type_hints(cast(Any, holder), known, cast(Any, names), include_extras=True)[
            "hint"
        ]

    try:
        return resolve(local_names)
    except NameError as error:
        try:
            lenient = resolve(_Lenient({**module_names, **local_names}))
        except Exception:  # noqa: BLE001  # the annotation makes no sense in this way either
            lenient = None
        return Unresolved(error=error, is_context=is_context(lenient))


class _Anything:
    """Stands for a name that does not exist, whatever the annotation does with it."""

    def __call__(self, *args: object, **kwargs: object) -> "_Anything":  # noqa: ARG002
        return self

    def __getattr__(self, name: str) -> "_Anything":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, item: object) -> "_Anything":
        return self

    def __or__(self, other: object) -> "_Anything":
        return self

    __ror__ = __or__


class _Lenient(dict[str, Any]):
    """Names, in which those that do not exist stand for anything."""

    def __missing__(self, name: str) -> _Anything:
        if hasattr(builtins, name):
            raise KeyError(name)
        return _Anything()


def _raw_annotations(function: Callable[..., object]) -> Mapping[str, Any]:
    """Return the annotations as they were written."""
    if sys.version_info >= (3, 14):  # they are evaluated late, and would raise the error again
        return inspect.get_annotations(function, format=annotationlib.Format.FORWARDREF)
    return inspect.get_annotations(function)


def _local_names(function: Callable[..., object]) -> dict[str, Any] | None:
    """Return the local names of the function whose body defines `function` now."""
    outer, separator, _ = getattr(function, "__qualname__", "").rpartition(".<locals>.")
    code = getattr(function, "__code__", None)
    if not separator or code is None:
        return None
    name = outer.rpartition(".")[2]
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_name == name and frame.f_code.co_filename == code.co_filename:
            return dict(frame.f_locals)
        frame = frame.f_back
    return None
