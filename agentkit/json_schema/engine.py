"""jsonschema's validators: bounded, with our keywords, without the network.

In:  a schema as plain JSON; values.
Out: the schema checked; the violations of a value.

This module is loaded at the first check that needs jsonschema, whose import takes longer than that
of agentkit. It ships no types: its objects are Any, and stay inside this package.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import islice
from typing import Any

import jsonschema
from jsonschema.validators import extend
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # it has no types
from referencing.jsonschema import specification_with

from agentkit.json_schema.explain import explain
from agentkit.json_schema.formats import FORMATS
from agentkit.json_schema.keywords import KEYWORDS, is_same_json
from agentkit.json_schema.pattern import is_supported
from agentkit.json_schema.steps import TooManyStepsError, limited, spend
from agentkit.json_schema.strict_json import JsonObject, JsonValue
from agentkit.json_schema.validator import NEWEST, JsonSchemaError, Violation, shorten

MAX_STEPS = 50_000
"""Steps of a check for the smallest schema or value; a step takes 5 to 20 microseconds."""

MAX_STEPS_PER_NODE = 8
"""Further steps for each value in what is checked."""

_META_STEPS_PER_NODE = 100
"""The same for a schema against its meta-schema, which is large."""

_DRAFTS = {
    NEWEST: jsonschema.Draft202012Validator,
    "https://json-schema.org/draft/2019-09/schema": jsonschema.Draft201909Validator,
    "http://json-schema.org/draft-07/schema": jsonschema.Draft7Validator,
    "http://json-schema.org/draft-06/schema": jsonschema.Draft6Validator,
    "http://json-schema.org/draft-04/schema": jsonschema.Draft4Validator,
}
_TOO_MUCH = "one too deep or too large to be checked"
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


def build_validator(schema: JsonObject, *, asserts_formats: bool) -> Any:
    """Return jsonschema's validator of a schema.

    Raises:
        JsonSchemaError: `$schema` names an unknown draft.
    """
    named = schema.get("$schema", NEWEST)
    draft = _DRAFTS.get(named.rstrip("#")) if isinstance(named, str) else None
    if draft is None:
        raise JsonSchemaError(f"'$schema' is {named!r}; known are {', '.join(_DRAFTS)}")
    # jsonschema would replace our class if a schema names its draft again.
    nameless = {key: value for key, value in schema.items() if key != "$schema"}
    # `format` is an annotation by default since draft 2019-09, and servers mean it so: "date" for
    # "2024-01-01/2024-01-31".
    formats = _format_checker() if asserts_formats else None
    return _engine(draft)(nameless, registry=REGISTRY, format_checker=formats)


def check_schema(schema: JsonObject, validator: Any, *, is_known_valid: bool) -> None:
    """Check a schema itself, and every place it refers to.

    Args:
        schema: the schema.
        validator: its validator.
        is_known_valid: it is certainly valid against its draft's meta-schema.

    Raises:
        JsonSchemaError: it is not valid, a reference cannot be resolved, or checking a value
            against it takes too long.
    """
    try:
        if not is_known_valid:
            _check_form(schema, validator.META)
        _check_references(schema, validator)
        # A loop of references, and work that multiplies, show with any value.
        with limited(MAX_STEPS):
            list(validator.iter_errors({}))
    except RecursionError as error:
        raise JsonSchemaError("a '$ref' refers to itself") from error
    except TooManyStepsError as error:
        raise JsonSchemaError(
            "checking a value against it takes too many steps: its subschemas multiply"
        ) from error


def _check_form(schema: JsonObject, meta: Any) -> None:
    """Check a schema against its draft's meta-schema."""
    with limited(MAX_STEPS + _META_STEPS_PER_NODE * _count_nodes(schema)):
        found = next(explain(meta.iter_errors(schema)), None)
    if found is not None:
        raise JsonSchemaError(str(found))


def find_violations(validator: Any, value: JsonValue, *, limit: int) -> tuple[Violation, ...]:
    """Return at most `limit` violations of a value; never raises."""
    try:
        with limited(MAX_STEPS + MAX_STEPS_PER_NODE * _count_nodes(value)):
            errors = islice(validator.iter_errors(value), limit)
            return tuple(islice(explain(errors), limit))
    except (RecursionError, TooManyStepsError):
        return (_unchecked(_TOO_MUCH),)
    except Exception as error:  # noqa: BLE001  # jsonschema met a value it cannot compare
        reason = f"{type(error).__name__}: {shorten(str(error))}"
        return (_unchecked(f"one that cannot be checked ({reason})"),)
    except BaseException as error:
        # A RecursionError in the hash maps of jsonschema, which are written in Rust (rpds),
        # becomes a panic, a direct subclass of BaseException.
        if type(error).__name__ != "PanicException":
            raise
        return (_unchecked(_TOO_MUCH),)


def find_unsupported_patterns(patterns: Iterable[str]) -> tuple[str, ...]:
    """Return the patterns that are not checked; all that are left once compiling took too long."""
    found: list[str] = []
    with limited(MAX_STEPS):
        for pattern in patterns:
            try:
                if not is_supported(pattern):
                    found.append(pattern)
            except TooManyStepsError:
                found.append(pattern)
    return tuple(found)


def _unchecked(found: str) -> Violation:
    return Violation(path=(), expected="a value that can be checked", found=found)


def _count_nodes(value: JsonValue) -> int:
    """Return how many values there are in `value`, itself included."""
    nodes = 0
    waiting = [value]
    while waiting:
        one = waiting.pop()
        nodes += 1
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
    return nodes


@cache
def _format_checker() -> Any:
    checker = jsonschema.FormatChecker(formats=())
    checker.checkers = {name: (check, ()) for name, check in FORMATS.items()}
    return checker


@cache
def _engine(draft: Any) -> Any:
    """Return jsonschema's validator class for a draft, with our keywords, each counted."""
    keywords = {
        name: _counted(name, KEYWORDS.get(name, check)) for name, check in draft.VALIDATORS.items()
    }
    engine = extend(draft, keywords)
    engine.META = extend(draft, keywords)(draft.META_SCHEMA, registry=REGISTRY)
    return engine


def _counted(keyword: str, check: Callable[..., Any]) -> Callable[..., Any]:
    """Count the steps of a keyword, and let the schema's own default and `nullable` pass."""

    def counted(validator: Any, wanted: Any, instance: Any, schema: Mapping[str, Any]) -> Any:
        size = len(wanted) if type(wanted) in (list, dict) else 0
        if keyword == "enum":
            size *= 4  # each value is compared by a function
        if type(instance) in (list, dict):
            size += len(instance)
        spend(1 + size // 16)
        if "default" in schema and is_same_json(schema["default"], instance):
            return ()  # many servers write `"type": "string", "default": null`, and mean both
        if instance is None and schema.get("nullable") is True:
            return ()  # OpenAPI 3.0's way to write a null
        return check(validator, wanted, instance, schema)

    return counted


def _check_references(schema: JsonObject, validator: Any) -> None:
    """Resolve every reference, without the network."""
    specify: Any = specification_with
    root = specify(validator.META_SCHEMA.get("$schema")).create_resource(schema)
    uri = root.id() or ""
    resolver = REGISTRY.with_resource(uri, root).crawl().resolver(base_uri=uri)
    waiting = [(root, resolver)]
    while waiting:
        resource, resolver = waiting.pop()
        if isinstance(resource.contents, dict):
            _resolve(resource.contents, resolver)
        waiting += [(inner, resolver.in_subresource(inner)) for inner in resource.subresources()]


def _resolve(contents: JsonObject, resolver: Any) -> None:
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
