"""Read a Python callable as a tool.

In:  a function, method, partial or callable object, sync or async.
Out: `FunctionFacts`: name, description, schemas and binding.

What cannot be offered to a model is a `ToolDefinitionError` here, not a surprise in a run.
"""

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import field
from functools import partial
from types import FunctionType, MethodType
from typing import Annotated, Any, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model
from pydantic.fields import FieldInfo

from agentkit.errors import ToolDefinitionError
from agentkit.json_schema import JsonObject
from agentkit.lazy_import import load_object
from agentkit.tools.binding import FunctionBinding, Parameter
from agentkit.tools.schema import derive_input_schema, derive_output
from agentkit.tools.type_hints import Unresolved, deps_type_of, is_context, resolve_hints
from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionFacts:
    """The name, description and schemas of a callable.

    Attributes:
        name: None if it has none that is valid for a tool.
        method_of: the class it was written in, if it still needs an instance.
        may_be_method: it is not known yet whether its first parameter is what it is called on;
            here it is an argument.
    """

    name: str | None
    description: str
    input_schema: JsonObject
    output_schema: JsonObject | None
    is_output_wrapped: bool
    binding: FunctionBinding
    method_of: str | None
    may_be_method: bool


def read_function(function: Callable[..., object], *, is_method: bool = False) -> FunctionFacts:
    """Read the signature, types and docstring of `function`.

    Args:
        function: what should become a tool.
        is_method: its first parameter is what it is called on, whatever its name is.

    Raises:
        ToolDefinitionError: a model could not call it by a JSON object: it takes `*args`, has a
            type without a JSON form, yields, or has no signature.
    """
    if not callable(function):
        raise ToolDefinitionError(f"{function!r} cannot be a tool; pass a function.")
    label = origin_of(function)
    body = _body(function)
    _check_kind(body, label)
    hints = _hints(body, label)
    parameters = _parameters(function, label)
    may_be = not is_method and bool(parameters) and may_be_method(function)
    is_certain = may_be and (
        parameters[0].name in ("self", "cls") or _found_in_class(function) is function
    )
    if is_method or is_certain:
        is_method, may_be = True, False
        del parameters[:1]
    takes_context = bool(parameters) and is_context(hints.get(parameters[0].name))
    deps_type = deps_type_of(hints[parameters[0].name]) if takes_context else Any
    if takes_context and parameters.pop(0).kind is inspect.Parameter.KEYWORD_ONLY:
        raise ToolDefinitionError(f"{label} takes its RunContext by keyword; put it before '*'.")
    model, fields = _build_model(parameters, hints, label)
    documentation = read_docstring(_docstring(function, body))
    schema, has_decimals = _input_schema(model, hints, label)
    _describe(schema, {**documentation.parameters, **_inline_docs(fields, hints)}, fields)
    returned = hints.get("return", inspect.Signature.empty)
    is_known = not isinstance(returned, Unresolved)
    output = derive_output(returned if is_known else inspect.Signature.empty)
    return FunctionFacts(
        name=_name(function, body),
        description=documentation.description,
        input_schema=schema,
        output_schema=output.schema,
        is_output_wrapped=output.is_wrapped,
        binding=FunctionBinding(
            model=model,
            parameters=fields,
            output=output.adapter,
            takes_context=takes_context,
            deps_type=deps_type,
            is_async=is_async(function),
            has_decimals=has_decimals,
            schema=schema,
        ),
        method_of=_owner_of(function) if is_method else None,
        may_be_method=may_be,
    )


def _owner_of(function: Callable[..., object]) -> str:
    """Return the name of the class in which a function was written."""
    return str(getattr(function, "__qualname__", "")).rpartition(".")[0]


def may_be_method(function: Callable[..., object]) -> bool:
    """Return whether the first parameter of a function may be what the function is called on.

    Inside a class body it is not yet known whether a method is being defined or, with
    `@staticmethod` above `@tool`, a plain function. Later the class shows it.
    """
    owner = _owner_of(function)
    if not isinstance(function, FunctionType) or not owner or owner.endswith("<locals>"):
        return False
    return _found_in_class(function) in (None, function)


def _found_in_class(function: Callable[..., object]) -> object:
    """Return what a class has under the name of a function in its body; None without a class."""
    found: Any = sys.modules.get(function.__module__)
    for name in _owner_of(function).split("."):
        found = getattr(found, name, None)
    return None if found is None else inspect.getattr_static(found, function.__name__, None)


def origin_of(function: Callable[..., object]) -> str:
    """Return where a callable was written, as `module:qualified.name`."""
    body = _body(function)
    name = getattr(body, "__qualname__", type(function).__qualname__)
    return f"{getattr(body, '__module__', None) or 'builtins'}:{name}"


def is_async(function: Callable[..., object]) -> bool:
    """Return whether calling `function` gives something to await at once, without work."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(_body(function))


def takes_context(handler: Callable[..., object]) -> bool:
    """Return whether a handler of plain arguments wants a `RunContext` before them.

    Raises:
        ToolDefinitionError: it takes neither `(arguments)` nor `(context, arguments)`.
    """
    label = origin_of(handler)
    try:
        signature = inspect.signature(handler)
    except (ValueError, TypeError):
        return False
    for count in (1, 2):
        try:
            signature.bind(*range(count))
        except TypeError:
            continue
        return count == 2
    raise ToolDefinitionError(
        f"{label} cannot handle calls: it takes {signature}, and must take (arguments) or "
        "(context, arguments)."
    )


def _body(function: Callable[..., object]) -> Callable[..., object]:
    """Return the function that will run in the end: it has the annotations."""
    while isinstance(function, partial):
        function = function.func
    if isinstance(function, MethodType | staticmethod | classmethod):
        function = function.__func__
    elif not isinstance(function, FunctionType | type) and not inspect.isroutine(function):
        function = getattr(type(function), "__call__", function)  # noqa: B004
    unwrapped: Callable[..., object] = inspect.unwrap(
        function, stop=lambda found: hasattr(found, "__signature__")
    )
    return unwrapped


def _check_kind(body: Callable[..., object], label: str) -> None:
    if inspect.isclass(body):
        raise ToolDefinitionError(
            f"{label} is a class; pass a function, or an instance that can be called."
        )
    if inspect.isgeneratorfunction(body) or inspect.isasyncgenfunction(body):
        raise ToolDefinitionError(
            f"{label} yields; a tool returns its complete result once, e.g. as a list."
        )


def _hints(body: Callable[..., object], label: str) -> Mapping[str, Any]:
    """Resolve the annotations; those that cannot be resolved matter only if they are needed."""
    try:
        return resolve_hints(body)
    except TypeError as error:
        raise ToolDefinitionError(
            f"{label} has an annotation that is not a type: {error}. Annotate with types."
        ) from error


def _parameters(function: Callable[..., object], label: str) -> list[inspect.Parameter]:
    """List the parameters that are still open, without those that a partial has set."""
    if isinstance(function, staticmethod):
        function = function.__func__
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError) as error:
        raise ToolDefinitionError(
            f"{label} has no signature that can be read; wrap it in a function of your own."
        ) from error
    is_set = function.keywords if isinstance(function, partial) else {}
    found = [one for one in signature.parameters.values() if one.name not in is_set]
    for parameter in found:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ToolDefinitionError(
                f"{label} takes {str(parameter).partition(':')[0]!r}; a model needs to know each "
                "argument by name. List the parameters, or use Tool.from_schema."
            )
    return found


def _build_model(
    parameters: list[inspect.Parameter], hints: Mapping[str, Any], label: str
) -> tuple[type[BaseModel], tuple[Parameter, ...]]:
    """Build the model that reads the arguments."""
    names = {parameter.name for parameter in parameters}
    definitions: dict[str, Any] = {}
    attributes: dict[str, str] = {}
    for parameter in parameters:
        hint = hints.get(parameter.name, Any)
        if is_context(hint):
            raise ToolDefinitionError(
                f"{label} takes its RunContext as {parameter.name!r}; make it the first parameter."
            )
        if isinstance(hint, Unresolved):
            raise ToolDefinitionError(
                f"{label} has an annotation that cannot be read: {hint.error}. "
                "Define the name before the tool, at the top of the module."
            ) from hint.error
        attribute = parameter.name
        if attribute.startswith("_") or hasattr(BaseModel, attribute):
            attribute = f"field_{attribute.strip('_')}"
            while attribute in names:
                attribute += "_"
            names.add(attribute)
            hint = Annotated[hint, Field(alias=parameter.name)]
        attributes[parameter.name] = attribute
        is_required = parameter.default is inspect.Parameter.empty
        # Only a default of pydantic's own is pydantic's affair; ours stays with the function.
        definitions[attribute] = hint if is_required else (hint, parameter.default)
    try:
        model = create_model("Arguments", __config__=_CONFIG, **definitions)
    except Exception as error:
        raise _bad_type(label, hints, error) from error
    return model, tuple(_field(model, attributes[one.name], one) for one in parameters)


_CONFIG = ConfigDict(extra="forbid", protected_namespaces=(), defer_build=False)


def _field(model: type[BaseModel], attribute: str, parameter: inspect.Parameter) -> Parameter:
    """Return how one parameter is passed."""
    info = model.model_fields[attribute]
    is_known = parameter.default is not inspect.Parameter.empty and not isinstance(
        parameter.default, FieldInfo
    )
    return Parameter(
        name=parameter.name,
        key=info.alias or attribute,
        attribute=attribute,
        is_positional=parameter.kind is parameter.POSITIONAL_ONLY,
        has_own_default=not is_known and not info.is_required(),
        default=parameter.default,
    )


def _input_schema(
    model: type[BaseModel], hints: Mapping[str, Any], label: str
) -> tuple[JsonObject, bool]:
    try:
        schema, has_decimals = derive_input_schema(model)
    except Exception as error:
        raise _bad_type(label, hints, error) from error
    return schema, has_decimals


def _bad_type(label: str, hints: Mapping[str, Any], error: Exception) -> ToolDefinitionError:
    """Name the parameter whose type has no JSON form."""
    for name, hint in hints.items():
        if name == "return" or is_context(hint) or isinstance(hint, Unresolved):
            continue
        try:
            TypeAdapter(hint).json_schema()
        except Exception as found:  # noqa: BLE001  # the one that fails is looked for
            return ToolDefinitionError(
                f"{label}: the parameter {name!r} has the type {hint!r}, which no JSON value can "
                f"be turned into ({_first_line(found)}). Use types that pydantic knows, or take it "
                "from a RunContext."
            )
    return ToolDefinitionError(f"{label} cannot be called with JSON: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")


def _inline_docs(fields: tuple[Parameter, ...], hints: Mapping[str, Any]) -> dict[str, str]:
    """Read `Annotated[int, "how many"]` and `Annotated[int, Doc("how many")]`."""
    found: dict[str, str] = {}
    for parameter in fields:
        hint = hints.get(parameter.name)
        for note in get_args(hint)[1:] if get_origin(hint) is Annotated else ():
            text = note if isinstance(note, str) else getattr(note, "documentation", None)
            if isinstance(text, str):
                found[parameter.name] = text
    return found


def _describe(schema: JsonObject, texts: Mapping[str, str], fields: tuple[Parameter, ...]) -> None:
    """Add descriptions to parameters that have none of their own."""
    properties = schema["properties"]
    for parameter in fields:
        found = properties.get(parameter.key) if isinstance(properties, dict) else None
        if isinstance(found, dict) and parameter.name in texts:
            found.setdefault("description", texts[parameter.name])


def _docstring(function: Callable[..., object], body: Callable[..., object]) -> str | None:
    """Return the docstring of the function, or that of the class of a callable object."""
    if body.__doc__ or isinstance(function, partial | FunctionType) or inspect.isroutine(function):
        return body.__doc__
    return type(function).__doc__


def _name(function: Callable[..., object], body: Callable[..., object]) -> str | None:
    """Return the name of the function, or that of the class of a callable object."""
    name = getattr(body, "__name__", "__call__")
    if name == "__call__":
        name = getattr(function, "__name__", type(function).__name__)
    return None if name == "<lambda>" else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Documentation:
    """A description and, by name, those of parameters."""

    description: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)


def read_docstring(text: str | None) -> Documentation:
    """Read a docstring; one of unknown format is the description as a whole."""
    text = inspect.cleandoc(text or "")
    if "\n" not in text:
        return Documentation(description=text)
    parse = cast(Any, load_object("docstring_parser:parse"))
    try:
        found = parse(text)
    except Exception:  # noqa: BLE001  # any fault of a docstring is harmless
        return Documentation(description=text)
    return Documentation(
        description=(found.description or "").strip(),
        parameters={
            parameter.arg_name.lstrip("*"): " ".join(parameter.description.split())
            for parameter in found.params
            if parameter.description
        },
    )
