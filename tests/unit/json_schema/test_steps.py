"""The work of a check by jsonschema is counted, in proportion to what is checked."""

import pytest

from agentkit.json_schema import JsonValue
from agentkit.json_schema.engine import build_validator, find_violations
from agentkit.json_schema.steps import TooManyStepsError, limited, spend

MANY: list[JsonValue] = [str(number) for number in range(20_000)]


def test_steps_are_counted_until_there_are_none_left() -> None:
    """An inner limit does not change the outer one."""
    with limited(3):
        spend(2)
        with limited(1):
            spend()
            with pytest.raises(TooManyStepsError):
                spend()
        spend()
        with pytest.raises(TooManyStepsError):
            spend()


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        pytest.param({"items": {"type": "string"}}, MANY, id="long array"),
        pytest.param(
            {"items": {"properties": {f"p{n}": {} for n in range(300)}}},
            [{"p1": 1}] * 5_000,
            id="many objects of a large schema",
        ),
        pytest.param({"enum": [MANY]}, MANY, id="long value"),
        pytest.param({"uniqueItems": True}, MANY, id="unique items"),
    ],
)
def test_an_honest_large_value_is_checked(schema: dict[str, JsonValue], value: JsonValue) -> None:
    """The limit grows with the value."""
    validator = build_validator({"properties": {"a": schema}}, asserts_formats=False)
    assert find_violations(validator, {"a": value}, limit=1) == ()


@pytest.mark.untraced
@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"items": {"enum": [*MANY, *MANY]}}, id="an enum for each item"),
        pytest.param({"allOf": [{"uniqueItems": True}] * 20_000}, id="unique items, again"),
        pytest.param(
            {
                "items": {
                    "allOf": [{"pattern": rf"^\d{{1,{number + 9}}}$"} for number in range(2_000)]
                }
            },
            id="patterns for each item",
        ),
        pytest.param(
            {"items": {"properties": {f"p{number}": {} for number in range(40_000)}}},
            id="properties for each item",
        ),
    ],
)
def test_work_that_multiplies_is_a_violation(schema: dict[str, JsonValue]) -> None:
    """Also if no single keyword takes long."""
    value: list[JsonValue] = [str(number) for number in range(20_000)]
    if "properties" in str(schema)[:30]:
        value = [{"x": number} for number in range(20_000)]

    validator = build_validator({"properties": {"a": schema}}, asserts_formats=True)
    (violation,) = find_violations(validator, {"a": value}, limit=1)

    assert violation.expected == "a value that can be checked"
