"""A tool: something a model may ask to be run.

In:  a Python callable, or a JSON Schema and a handler.
Out: `Tool`, a value; `@tool`, which makes one of a function that stays callable.

A tool that exists can be offered: its name and schemas are checked when it is made.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from types import MethodType
from typing import Any, ClassVar, Concatenate, Generic, Unpack, cast, get_args, overload

from typing_extensions import ParamSpec, TypeVar

from agentkit.chat import ToolSpec
from agentkit.errors import ToolDefinitionError, ToolError
from agentkit.json_schema import JsonObject, JsonSchema, JsonValue
from agentkit.log import Log
from agentkit.tools.binding import Binding, HandlerBinding
from agentkit.tools.schema import read_arguments_schema, read_schema
from agentkit.tools.signature import (
    FunctionFacts,
    is_async,
    may_be_method,
    origin_of,
    read_function,
    takes_context,
)
from agentkit.tools.tool_options import (
    Decision,
    ToolAnnotations,
    ToolOptions,
    fields_of,
    valid_tool_name,
)
from agentkit.value import dataclass

P = ParamSpec("P", default=...)
ResultT = TypeVar("ResultT", covariant=True, default=Any)
P2 = ParamSpec("P2")
Result2T = TypeVar("Result2T")

log: Log = Log("agentkit.tools")
MAX_ARGUMENTS_CHARACTERS = 262_144
"""Far more than a model writes, and validated within a second."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")


class _WrappedFunction:
    """The function of a tool, as `functools.wraps` has it; the class `Tool` wraps none."""

    def __get__(
        self, instance: "Tool[P2, Result2T] | None", owner: type | None = None
    ) -> Callable[P2, Result2T]:
        if instance is None:
            raise AttributeError("__wrapped__")
        return instance.function


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tool(Generic[P, ResultT]):
    """A function with what a model must know to call it.

    Attributes:
        name: `[A-Za-z0-9_.-]{1,128}`.
        description: what it does and when to use it, for the model.
        input_schema: JSON Schema of the arguments, an object schema.
        output_schema: JSON Schema of the structured result, mostly an object schema.
        title: a name for people.
        icons: pictures for people, as MCP has them: objects with `src` and more.
        meta: MCP's `_meta` of a tool, for programs; no model sees it.
        tags: to choose tools by.
        timeout_seconds: how long one call may take; None leaves it to the run.
        parallel: whether it may run in parallel with others; None: if it only reads.
        approval: its own word on all its calls; a caller's rule may differ, except from `deny`.
        accepts_repaired: it may run on repaired arguments although it has effects.
        max_arguments_characters: a call with longer arguments is not run; 1 or more.
        polls: it is meant to be called again and again with the same arguments.
        max_concurrency: how many of its calls may run at the same time, in all runs that share
            a `ConcurrencyLimits`; None for no limit of its own.
        concurrency_group: tools of one group share the limit that `ConcurrencyLimits` has for it.
        find_outcome: finds the outcome of a call that began and whose end is not known; see
            `agentkit.tools.execute.find_outcome`.
        is_external: declared here and run elsewhere; the caller passes its results to the run.
        middleware: wraps each call of this tool, outermost first; see `execute.ToolMiddleware`.
        function: what is run.
        binding: how arguments reach the function.
        is_output_wrapped: `output_schema` holds the value under `result`.
        method_of: the class of a method that has no instance yet; such a tool cannot be offered.
        as_method: the tool if its function turns out to be a method, when an instance or a class
            is asked for it; None if that is known already.
        is_class_method: it is bound to the class, not to an instance.
        spec: what a model sees; the same object as long as the tool lives.
        arguments_check: the validator of `input_schema`, built once.
        output_check: the validator of `output_schema`.
        own_name: the name before the tool was renamed, e.g. as its MCP server lists it; rules that
            ask or deny match it too.
        namespace: the server it comes from; a prefix for its name if that is not unique.
    """

    name: str
    description: str
    input_schema: Mapping[str, JsonValue]
    function: Callable[P, ResultT] = field(repr=False)
    binding: Binding = field(repr=False)
    arguments_check: JsonSchema = field(repr=False)
    output_schema: Mapping[str, JsonValue] | None = None
    output_check: JsonSchema | None = field(default=None, repr=False)
    is_output_wrapped: bool = field(default=False, repr=False)
    title: str | None = None
    icons: tuple[Mapping[str, JsonValue], ...] = ()
    meta: Mapping[str, JsonValue] | None = None
    annotations: ToolAnnotations = field(default_factory=ToolAnnotations)
    tags: frozenset[str] = frozenset()
    timeout_seconds: float | None = None
    parallel: bool | None = None
    approval: Decision = "allow"
    accepts_repaired: bool = False
    max_arguments_characters: int = MAX_ARGUMENTS_CHARACTERS
    polls: bool = False
    max_concurrency: int | None = None
    concurrency_group: str | None = None
    find_outcome: Callable[..., object] | None = field(default=None, repr=False)
    is_external: bool = False
    middleware: tuple[Callable[..., Any], ...] = field(default=(), repr=False)
    method_of: str | None = field(default=None, repr=False)
    as_method: "Tool[..., Any] | None" = field(default=None, repr=False)
    is_class_method: bool = field(default=False, repr=False)
    own_name: str = ""
    namespace: str = ""
    spec: ToolSpec = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ToolDefinitionError(
                f"{self.name!r} cannot be the name of a tool ({self.origin}): use 1 to 128 of the "
                "letters a-z and A-Z, digits, '_', '.' and '-', e.g. with @tool(name=…)."
            )
        if self.timeout_seconds is not None and not self.timeout_seconds > 0:
            raise ToolDefinitionError(
                f"The tool {self.name!r} has a timeout of {self.timeout_seconds!r} seconds; "
                "it must be above 0, or None for none."
            )
        if self.approval not in get_args(Decision):
            raise ToolDefinitionError(
                f"The tool {self.name!r} has approval={self.approval!r}; it must be 'allow', "
                "'ask' or 'deny'."
            )
        if self.max_arguments_characters < 1:
            raise ToolDefinitionError(
                f"The tool {self.name!r} has max_arguments_characters="
                f"{self.max_arguments_characters!r}; it must be 1 or more."
            )
        if self.max_concurrency is not None and self.max_concurrency < 1:
            raise ToolDefinitionError(
                f"The tool {self.name!r} has max_concurrency={self.max_concurrency!r}; it must be "
                "1 or more, or None for no limit."
            )
        if self.find_outcome is not None and not callable(self.find_outcome):
            raise ToolDefinitionError(
                f"The tool {self.name!r} has find_outcome={self.find_outcome!r}, which cannot be "
                "called; give a function of (context, arguments)."
            )
        spec = ToolSpec(
            name=self.name, description=self.description, input_schema=self.input_schema
        )
        object.__setattr__(self, "spec", spec)
        if not self.own_name:
            object.__setattr__(self, "own_name", self.name)

    def renamed(self, name: str) -> "Tool[P, ResultT]":
        """Return the tool under another name; `own_name` stays.

        Raises:
            ToolDefinitionError: the name is not valid.
        """
        return replace(self, name=name)

    @property
    def __name__(self) -> str:
        """Return the name of the function, or of the tool if the function has none."""
        name = str(getattr(self.function, "__name__", ""))
        return name if name.isidentifier() else self.own_name

    __wrapped__: ClassVar[_WrappedFunction] = _WrappedFunction()

    @property
    def origin(self) -> str:
        """Return where the function was written, as `module:qualified.name`."""
        return origin_of(self.function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> ResultT:
        """Call the function as it was written, without any check."""
        return self.function(*args, **kwargs)

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> "Tool[P, ResultT]": ...

    @overload
    def __get__(
        self: "Tool[Concatenate[Any, P2], Result2T]", instance: object, owner: type | None = None
    ) -> "Tool[P2, Result2T]": ...

    def __get__(self, instance: object, owner: type | None = None) -> "Tool[..., Any]":
        """Bind a tool that was made of a method to an instance, or to its class."""
        method = self.as_method or self
        receiver = owner if self.is_class_method else instance
        if receiver is None or method.method_of is None:
            return method
        bound = cast(Callable[..., ResultT], MethodType(method.function, receiver))
        # The method of a tool is any tool, whatever its parameters are.
        plain = cast(Tool[..., Any], method)
        return replace(plain, function=bound, method_of=None, is_class_method=False)

    @classmethod
    def from_schema(
        cls,
        *,
        name: str,
        description: str,
        input_schema: Mapping[str, Any],
        handler: Callable[..., object],
        output_schema: Mapping[str, Any] | None = None,
        **options: Unpack[ToolOptions],
    ) -> "Tool[..., Any]":
        """Make a tool of a JSON Schema and a handler.

        Args:
            name: see `Tool`.
            description: see `Tool`.
            input_schema: Draft 2020-12, or an older draft named by `$schema`.
            handler: `handler(arguments)` or `handler(context, arguments)`, sync or async.
            output_schema: of the structured result; then the handler must return what fits it.
            options: see `ToolOptions`.

        Raises:
            ToolDefinitionError: a schema or the handler is not usable.
        """
        check = read_arguments_schema(input_schema, name)
        shown = check.schema if "type" in check.schema else {"type": "object", **check.schema}
        output_check = None
        if output_schema is not None:
            output_check = read_schema(output_schema, name, role="output_schema")
        if check.unchecked_patterns:
            log.info("patterns_not_checked", tool_name=name, patterns=check.unchecked_patterns)
        return Tool(
            name=name,
            description=description,
            input_schema=shown,
            function=handler,
            binding=HandlerBinding(
                takes_context=takes_context(handler), is_async=is_async(handler)
            ),
            arguments_check=check,
            output_schema=None if output_check is None else output_check.schema,
            output_check=output_check,
            **fields_of(options),
        )

    @classmethod
    def external(
        cls,
        *,
        name: str,
        description: str,
        input_schema: Mapping[str, Any],
        **options: Unpack[ToolOptions],
    ) -> "Tool[..., Any]":
        """Declare a tool that runs elsewhere, such as in the user's browser.

        A run that calls it is suspended, and goes on when the run is resumed with the result.

        Args:
            name: see `Tool`.
            description: see `Tool`.
            input_schema: as in `from_schema`; arguments are checked before the run is suspended.
            options: see `ToolOptions`.

        Raises:
            ToolDefinitionError: the schema is not usable.
        """
        declared = cls.from_schema(
            name=name,
            description=description,
            input_schema=input_schema,
            handler=_refuse_external,
            **options,
        )
        return replace(declared, is_external=True)


async def _refuse_external(arguments: JsonObject) -> object:  # noqa: ARG001  # as a handler is called
    """Refuse to run an external tool, which has no function here."""
    raise ToolError(
        "This tool runs elsewhere and has no function here; its result is passed to the run."
    )


@overload
def tool(
    function: Callable[P, ResultT],
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    **options: Unpack[ToolOptions],
) -> Tool[P, ResultT]: ...


@overload
def tool(
    *, name: str | None = None, description: str | None = None, **options: Unpack[ToolOptions]
) -> Callable[[Callable[P, ResultT]], Tool[P, ResultT]]: ...


def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    **options: Unpack[ToolOptions],
) -> Any:
    """Make a tool of a function; the tool can still be called as the function.

    Use it as a decorator, `@tool` or `@tool(read_only=True)`, or as a function, `tool(f)`.

    Args:
        function: a function, method, partial or callable object, sync or async. Its signature
            gives the schema, its docstring the descriptions; a first parameter annotated as
            `RunContext` is not part of the schema.
        name: the function's own, if not given.
        description: the docstring's, if not given.
        options: see `ToolOptions`.

    Raises:
        ToolDefinitionError: a model cannot be offered this function.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        return _from_function(function, name=name, description=description, options=options)

    return decorate if function is None else decorate(function)


def _from_function(
    function: Any, *, name: str | None, description: str | None, options: ToolOptions
) -> Tool[..., Any]:
    if isinstance(function, MethodType) and isinstance(function.__func__, Tool):
        # From Python 3.13 on, `@classmethod` above `@tool` binds the tool itself.
        return function.__func__.__get__(function.__self__, type(function.__self__))
    is_class_method = isinstance(function, classmethod)
    if is_class_method:
        function = function.__func__

    def build(facts: FunctionFacts, **more: Any) -> Tool[..., Any]:
        own_name = facts.name if name is None else name
        if own_name is None:
            raise ToolDefinitionError(
                f"{origin_of(function)} has no name; give one: tool(…, name='…') or "
                "@tool(name='…')."
            )
        output = facts.output_schema
        return Tool(
            # A function may have a name in any script; a name that was given must be valid.
            name=valid_tool_name(own_name) if name is None else own_name,
            own_name=own_name,
            description=facts.description if description is None else description,
            input_schema=facts.input_schema,
            function=function,
            binding=facts.binding,
            arguments_check=JsonSchema(facts.input_schema, is_derived=True),
            output_schema=output,
            output_check=None if output is None else JsonSchema(output, is_derived=True),
            is_output_wrapped=facts.is_output_wrapped,
            method_of=facts.method_of,
            **more,
            **fields_of(options),
        )

    if is_class_method:
        return build(read_function(function, is_method=True), is_class_method=True)
    try:
        facts = read_function(function)
    except ToolDefinitionError:
        if not may_be_method(function):
            raise
        return build(read_function(function, is_method=True))
    if not facts.may_be_method:
        return build(facts)
    return build(facts, as_method=build(read_function(function, is_method=True)))
