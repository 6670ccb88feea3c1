"""Signatures that show the options of a function.

In:  a function that takes `**options: Unpack[SomeOptions]`.
Out: the same function, whose signature lists each option, for `help` and for editors.
"""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


class _NotGiven:
    """The default of an option in a signature, printed as in type stubs."""

    def __repr__(self) -> str:
        return "..."


NOT_GIVEN = _NotGiven()


def with_options(options: type) -> Callable[[FunctionT], FunctionT]:
    """Show the keys of a `TypedDict` as keyword parameters of a function.

    Args:
        options: the `TypedDict`.
    """

    def show(function: FunctionT) -> FunctionT:
        signature = inspect.signature(function)
        own = [
            one
            for one in signature.parameters.values()
            if one.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        shown = [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=NOT_GIVEN, annotation=hint
            )
            for name, hint in options.__annotations__.items()
        ]
        target: Any = function
        target.__signature__ = signature.replace(parameters=[*own, *shown])
        return function

    return show
