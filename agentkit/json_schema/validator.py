"""A JSON Schema with its validator, built once.

In:  a schema (Draft 2020-12, or an older draft named by `$schema`) and JSON values.
Out: `JsonSchema`; its `Violation`s of a value.

No reference is ever fetched from the network (a schema could make the client send requests), and
the work of a check is bounded. jsonschema is loaded at the first check, since its import costs more
than agentkit's.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from itertools import islice
from typing import Any, cast

from agentkit.json_schema.fast_check import flat_object_check, validity_of
from agentkit.json_schema.pattern import PatternError, check_pattern, is_nested
from agentkit.json_schema.strict_json import JsonObject, JsonValue
from agentkit.json_schema.violation import Violation, explain, shorten
from agentkit.lazy_import import load_object

MAX_SCHEMA_DEPTH = 100
MAX_REFERENCES = 50_000
MAX_VIOLATIONS = 8

_NEWEST = "https://json-schema.org/draft/2020-12/schema"
_DRAFTS = {
    _NEWEST: "Draft202012Validator",
    "https://json-schema.org/draft/2019-09/schema": "Draft201909Validator",
    "http://json-schema.org/draft-07/schema": "Draft7Validator",
    "http://json-schema.org/draft-06/schema": "Draft6Validator",
    "http://json-schema.org/draft-04/schema": "Draft4Validator",
}
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


class JsonSchemaError(ValueError):
    """The schema is not usable; the message gives the reason."""


class JsonSchema:
    """A schema with its validator, built once and safe to use from many threads."""

    def __init__(self, schema: Mapping[str, JsonValue], *, is_trusted: bool = False) -> None:
        """Keep a copy of `schema`.

        Args:
            schema: a JSON object.
            is_trusted: a program derived it, so it need not be validated.

        Raises:
            JsonSchemaError: it is not a valid schema, or has an invalid pattern, or a reference to
                a missing schema, to the network, or to itself.
        """
        self.schema = _copy(schema)
        self._validator: Any = None
        self._fast_check = flat_object_check(self.schema)
        if not is_trusted:
            self._check()

    def violations(self, value: JsonValue, *, limit: int = MAX_VIOLATIONS) -> tuple[Violation, ...]:
        """Return the violations of `value`, at most `limit`; empty if it is valid."""
        if self._fast_check is not None and self._fast_check.accepts(value):
            return ()
        if self._validator is None:
            self._validator = _build(self.schema)
        try:
            with _bounded():
                errors = islice(self._validator.iter_errors(value), limit)
                return tuple(islice(explain(errors), limit))
        except (RecursionError, _TooMuchWorkError):
            return (_unchecked("one too deep or too large to be checked"),)
        except Exception as error:  # noqa: BLE001  # jsonschema fails on values that it cannot compare
            reason = f"{type(error).__name__}: {shorten(str(error))}"
            return (_unchecked(f"one that cannot be checked ({reason})"),)

    def _check(self) -> None:
        """Check the schema and everything it refers to."""
        validity = validity_of(self.schema)
        if validity == "plain":
            return
        self._validator = _build(self.schema)
        if validity == "unknown":
            with _bounded():
                found = next(explain(self._validator.META.iter_errors(self.schema)), None)
            if found is not None:
                raise JsonSchemaError(str(found))
        _check_subschemas(self.schema, self._validator)
        try:
            # A cycle of references is found by following it, with any value.
            with _bounded():
                list(self._validator.iter_errors({}))
        except (RecursionError, _TooMuchWorkError) as error:
            raise JsonSchemaError("a '$ref' refers to itself") from error


class _TooMuchWorkError(Exception):
    """A check followed more references than a reasonable value needs."""


_references_left: ContextVar[list[int]] = ContextVar("references_left")


@contextmanager
def _bounded() -> Iterator[None]:
    """Limit the references that the checks in this context may follow."""
    token = _references_left.set([MAX_REFERENCES])
    try:
        yield
    finally:
        _references_left.reset(token)


def _unchecked(found: str) -> Violation:
    return Violation(path=(), expected="a value that can be checked", found=found)


def _copy(schema: Mapping[str, JsonValue]) -> JsonObject:
    """Return a copy as plain JSON; reject values that are not JSON or too deep."""
    if not isinstance(schema, Mapping):
        raise JsonSchemaError(f"a schema is a JSON object, not a {type(schema).__name__}")
    try:
        copied = cast(JsonObject, json.loads(json.dumps(dict(schema), allow_nan=False)))
    except (TypeError, ValueError, RecursionError) as error:
        raise JsonSchemaError(f"it is not JSON: {error}") from error
    level: list[JsonValue] = [copied]
    for _ in range(MAX_SCHEMA_DEPTH):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return copied
    raise JsonSchemaError(f"it is more than {MAX_SCHEMA_DEPTH} levels deep")


# jsonschema ships no types: its objects are Any, and stay inside this module.


def _build(schema: JsonObject) -> Any:
    named = schema.get("$schema", _NEWEST)
    draft = _DRAFTS.get(named.rstrip("#")) if isinstance(named, str) else None
    if draft is None:
        raise JsonSchemaError(f"'$schema' is {named!r}; known are {', '.join(_DRAFTS)}")
    # jsonschema would replace our class if a schema names its draft again.
    nameless = {key: value for key, value in schema.items() if key != "$schema"}
    return _engine(draft)(nameless, registry=_registry(), format_checker=_format_checker())


@cache
def _registry() -> Any:
    """Return the registry of the drafts' own schemas; nothing else is ever retrieved."""
    return load_object("jsonschema_specifications:REGISTRY")


@cache
def _format_checker() -> Any:
    checker = cast(Any, load_object("jsonschema:FormatChecker"))(formats=())
    formats = cast(Any, load_object("agentkit.json_schema.formats:FORMATS"))
    checker.checkers = {name: (check, ()) for name, check in formats.items()}
    return checker


@cache
def _engine(draft: str) -> Any:
    """Return jsonschema's validator class with bounds and better messages."""
    base = cast(Any, load_object(f"jsonschema:{draft}"))
    extend = cast(Any, load_object("jsonschema.validators:extend"))
    counted = {
        keyword: _counted(base.VALIDATORS[keyword])
        for keyword in _REFERENCES
        if keyword in base.VALIDATORS
    }
    bounded = cast(Any, load_object("agentkit.json_schema.keywords:BOUNDED"))
    engine = extend(base, {**counted, **bounded})
    engine.META = engine(base.META_SCHEMA, registry=_registry())
    return engine


def _counted(follow: Callable[..., Any]) -> Callable[..., Any]:
    """Count each followed reference: only references can multiply the work without limit."""

    def count(validator: Any, reference: Any, instance: Any, schema: Any) -> Any:
        left = _references_left.get()
        left[0] -= 1
        if left[0] < 0:
            raise _TooMuchWorkError
        return follow(validator, reference, instance, schema)

    return count


def _check_subschemas(schema: JsonObject, validator: Any) -> None:
    """Resolve every reference and parse every pattern."""
    specify = cast(Any, load_object("referencing.jsonschema:specification_with"))
    root = specify(validator.META_SCHEMA.get("$schema")).create_resource(schema)
    uri = root.id() or ""
    resolver = _registry().with_resource(uri, root).crawl().resolver(base_uri=uri)
    waiting = [(root, resolver)]
    while waiting:
        resource, resolver = waiting.pop()
        if isinstance(resource.contents, dict):
            _check_references(resource.contents, resolver)
            _check_patterns(resource.contents)
        waiting += [(inner, resolver.in_subresource(inner)) for inner in resource.subresources()]


def _check_references(contents: JsonObject, resolver: Any) -> None:
    for keyword in _REFERENCES:
        reference = contents.get(keyword)
        if isinstance(reference, str):
            try:
                resolver.lookup(reference)
            except Exception as error:
                raise JsonSchemaError(
                    f"{keyword!r} {shorten(reference)!r} does not exist; put the schema under "
                    "'$defs', since nothing is fetched from the network"
                ) from error


def _check_patterns(contents: JsonObject) -> None:
    own = contents.get("pattern")
    named = contents.get("patternProperties")
    names = list(named) if isinstance(named, dict) else []
    for text in [own, *names] if isinstance(own, str) else names:
        try:
            check_pattern(text)
        except PatternError as error:
            raise JsonSchemaError(f"the pattern {shorten(text)!r} {error}") from error
        if "unevaluatedProperties" in contents and text in names and is_nested(text):
            # jsonschema matches the names of this keyword with Python's engine.
            raise JsonSchemaError(
                f"the pattern {shorten(text)!r} could take unbounded time with "
                "'unevaluatedProperties'"
            )
