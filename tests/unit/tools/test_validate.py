"""Untrusted calls: ready to run, or refused with a message that helps."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from agentkit.chat import Repair
from agentkit.message import ToolCall, ToolResult
from agentkit.tools.tool import Tool, tool
from agentkit.tools.toolset import index_tools
from agentkit.tools.validate import ReadyCall, check_arguments, validate_call


@tool
def convert(amount: float, rate: float = 1.0) -> float:
    """Convert."""
    return amount * rate


@tool
def plan(day: date, count: int | None = None) -> str:
    """Plan."""
    return f"{day} {count}"


TOOLS = index_tools([convert, plan])


def refusal(name: str, arguments: str, *, tools: Any = TOOLS) -> str:
    """Return the text with which a call is refused."""
    result = validate_call(ToolCall(id="c1", name=name, arguments=arguments), tools)
    assert isinstance(result, ToolResult)
    assert (result.call_id, result.is_error) == ("c1", True)
    return result.text


def ready(made: Tool, arguments: str) -> ReadyCall:
    """Return a call that is ready."""
    found = validate_call(ToolCall(id="c1", name=made.name, arguments=arguments), {made.name: made})
    assert isinstance(found, ReadyCall), found.text
    return found


def test_a_good_call_is_ready() -> None:
    """With its JSON values and its Python values."""
    call = ToolCall(id="c1", name="plan", arguments='{"day": "2024-05-31"}')

    found = validate_call(call, TOOLS)

    assert isinstance(found, ReadyCall)
    chosen: Tool[..., Any] = found.tool
    assert (found.call, chosen) == (call, plan)
    assert found.arguments == {"day": "2024-05-31"}
    assert found.bound.named == {"day": date(2024, 5, 31)}
    assert found.repairs == ()


@pytest.mark.parametrize("arguments", ["", "  \n", "{}"])
def test_no_text_means_no_arguments(arguments: str) -> None:
    """Providers send an empty text for a call without arguments."""

    @tool
    def now() -> str:
        """Return the time."""
        return "now"

    assert ready(now, arguments).arguments == {}


def test_the_message_names_field_expectation_and_value() -> None:
    """All faults at once, and the shortest fix."""
    assert refusal("convert", '{"amount": "12 EUR", "currency": "USD"}') == (
        "The call of 'convert' was not run. Its arguments do not fit:\n"
        "- currency: expected no field of this name (there are: amount, rate), "
        'got the text "USD"\n'
        '- amount: expected a number, got the text "12 EUR"\n'
        "Send the call again with these changed and the rest as it was."
    )
    assert "- amount: expected a value, since it is required, got nothing" in refusal(
        "convert", "{}"
    )


def test_an_unknown_tool_is_answered_with_the_names_that_exist() -> None:
    """The model may choose again."""
    assert refusal("convrt", "{}") == (
        "There is no tool 'convrt'. The tools are: convert, plan. "
        "Call one of these, or answer without a tool."
    )
    assert refusal("x", "{}", tools={}) == (
        "There is no tool 'x': no tools are on offer. Answer without a tool."
    )
    many = {f"t{number}": convert for number in range(60)}
    assert refusal("x" * 999, "{}", tools=many).count(",") == 50
    assert "and 10 more" in refusal("x", "{}", tools=many)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ('{"amount": 1', "Expecting ',' delimiter at character 12"),
        ("[1]", "got an array of 1"),
        ('"{}"', 'got the text "{}"'),
        ("null", "got null"),
        ('{"amount": NaN}', "NaN is not a JSON number"),
        ('{"amount": 1e999}', "is too large"),
        ('{"amount": 1, "amount": 2}', "the key 'amount' is a duplicate"),
        ("[" * 250_000, "more than 64 deep"),
        ('{"amount": ' + "9" * 5000 + "}", "5,000 digits"),
        ('{"amount": "\\ud800"}', "a lone surrogate"),
        ("{amount: 1}", "in double quotes"),
        ("{'amount': 1, 'amount': 2}", "in double quotes"),
        ('{"amount": "1" ' + "}" * 250_000 + ":", "Extra data"),
    ],
)
def test_text_that_is_not_a_json_object_is_refused(arguments: str, complaint: str) -> None:
    """Nothing is guessed, least of all a default."""
    text = refusal("convert", arguments)

    assert text.startswith("The call of 'convert' was not run. Its arguments must be one JSON")
    assert complaint in text
    assert len(text) < 400


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ('{"day": "2024-02-30"}', "day: expected a date such as 2024-05-31"),
        ('{"day": "2024"}', "day: expected a date"),
        ('{"day": 1700000000}', "day: expected a text, got the number 1700000000"),
        ('{"day": "2024-05-31", "count": "5.5"}', "count: expected an integer or null, got the "),
        ('{"day": "2024-05-31", "count": ""}', "count: expected an integer or null, got the "),
        ('{"day": "2024-05-31", "count": "5 pieces"}', "count: expected an integer or null, got "),
        ('{"day": "2024-05-31", "count": true}', "count: expected an integer or null, got true"),
        ('{"day": "2024-05-31", "count": 5.5}', "count: expected an integer or null, got the "),
    ],
)
def test_values_are_not_coerced(arguments: str, complaint: str) -> None:
    """Pydantic would read `2024` as a moment of 1970, and `"5"` as 5."""
    assert complaint in refusal("plan", arguments)


def test_a_float_without_a_fraction_is_an_integer() -> None:
    """JSON has one kind of number."""
    assert ready(plan, '{"day": "2024-05-31", "count": 5.0}').bound.named["count"] == 5


def test_a_decimal_is_never_rounded() -> None:
    """Money of more digits than a float keeps must come as text; a float may be rounded."""

    def pay(amounts: list[Decimal], rate: float = 1) -> None: ...

    made = tool(pay)
    exact = Decimal("12345678901234567.89")

    for good in (f'["{exact}"]', "[0.1]", "[12345678901234567890]", "[0.123456789012345]"):
        values = [Decimal(str(one)) for one in json.loads(good)]
        assert ready(made, f'{{"amounts": {good}}}').bound.named == {"amounts": values}
    assert "write it as a text in quotes" in refusal(
        "pay", f'{{"amounts": [{exact}]}}', tools={"pay": made}
    )
    assert ready(convert, '{"amount": 3.14159265358979323846}').bound.named == {
        "amount": 3.141592653589793
    }


def check_even(value: int) -> int:
    """Refuse odd numbers."""
    if value % 2:
        raise ValueError("must be even")
    return value


class MuteError(Exception):
    """Has no words."""

    def __str__(self) -> str:
        raise RuntimeError


def raise_it(error: Exception) -> Callable[[Any], Any]:
    """Make a validator that raises."""

    def validate(_: Any) -> Any:
        raise error

    return validate


@pytest.mark.parametrize(
    ("hint", "complaint"),
    [
        (Annotated[int, AfterValidator(check_even)], "- a: Value error, must be even, got the "
         "number 5"),
        (Annotated[int, AfterValidator(raise_it(KeyError("k")))], "- KeyError: 'k'"),
        (Annotated[int, AfterValidator(raise_it(MuteError()))], "- MuteError"),
        (Annotated[int, AfterValidator(raise_it(RecursionError()))], "- RecursionError"),
        (Annotated[int, AfterValidator(raise_it(AssertionError("x" * 999)))], "Assertion failed"),
        (Annotated[int, BeforeValidator(lambda _: object())], "- a: expected a valid integer, got "
         "a value of the type object"),
    ],
)  # fmt: skip
def test_an_exception_of_a_validator_is_a_refusal(hint: Any, complaint: str) -> None:
    """Whatever it is; the tool does not run."""

    def function(a: Any) -> None: ...

    function.__annotations__["a"] = hint
    made = tool(function)

    text = refusal("function", '{"a": 5}', tools={"function": made})

    assert complaint in text
    assert len(text) < 600


def test_a_strict_model_still_takes_a_date_from_text() -> None:
    """JSON has no dates, so strictness means JSON's."""

    class Strict(BaseModel):
        model_config = ConfigDict(strict=True)
        day: date
        tags: frozenset[str] = frozenset()

    def function(a: Strict) -> None: ...

    made = tool(function)

    assert ready(made, '{"a": {"day": "2024-05-31", "tags": ["x"]}}').bound.named == {
        "a": Strict(day=date(2024, 5, 31), tags=frozenset(["x"]))
    }


def test_the_number_of_faults_in_a_message_is_bounded() -> None:
    """The message stays readable."""

    def function(a: list[int]) -> None: ...

    made = tool(function)
    text = refusal("function", json.dumps({"a": ["x"] * 500}), tools={"function": made})

    assert text.count("\n- ") == 8


def test_faults_of_python_types_are_bounded_too() -> None:
    """Those that only the types find."""

    def function(a: list[Annotated[int, AfterValidator(check_even)]]) -> None: ...

    made = tool(function)

    assert refusal("function", f'{{"a": {[1] * 500}}}', tools={"function": made}).count("\n- ") == 8


@pytest.mark.parametrize(
    ("arguments", "expected", "kinds"),
    [
        ('{"amount": "5"}', {"amount": 5}, ["coerced_integer"]),
        ("{'amount': 5, 'rate': 1.5,}", {"amount": 5, "rate": 1.5}, ["python_literal"]),
        ('"{\\"amount\\": \\"5\\"}"', {"amount": 5}, ["double_encoded", "coerced_integer"]),
        ('```json\n{"amount": 5}\n```', {"amount": 5}, ["fenced"]),
        ('{"amount": 5} Done.', {"amount": 5}, ["trailing_text"]),
        ('{"amount": 5, "rate": null}', {"amount": 5}, ["dropped_null"]),
    ],
)
def test_arguments_are_repaired_if_nothing_is_guessed(
    arguments: str, expected: dict[str, object], kinds: list[str]
) -> None:
    """The call lists its repairs, and the function gets Python values as from any other call."""
    found = ready(convert, arguments)

    assert found.arguments == expected
    assert found.bound.named == expected
    assert [(one.kind, one.call_id) for one in found.repairs] == [(kind, "c1") for kind in kinds]
    assert found.call.arguments == arguments


def test_a_repair_has_to_fit_python_types_as_well() -> None:
    """Text for a number that no validator of the user accepts stays refused."""

    def function(a: Annotated[int, AfterValidator(check_even)]) -> None: ...

    made = tool(function)

    assert ready(made, '{"a": "4"}').bound.named == {"a": 4}
    assert "a: expected an integer, got the text" in refusal(
        "function", '{"a": "5"}', tools={"function": made}
    )


def test_a_decimal_is_not_rounded_by_a_repair_either() -> None:
    """Single quotes change nothing about the digits."""

    def pay(amount: Decimal) -> None: ...

    made = tool(pay)

    assert ready(made, "{'amount': 1.5}").bound.named == {"amount": Decimal("1.5")}
    assert refusal("pay", "{'amount': 12345678901234567.89}", tools={"pay": made})


@tool
def send_email(to: str) -> str:
    """Send."""
    return to


@tool(name="mail.read_message")
def read_message(to: str) -> str:
    """Read."""
    return to


WRAPPED = index_tools([send_email, read_message])


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("functions.send_email", "send_email"),
        ("mcp__post__send_email", "send_email"),
        ("default_api:send_email", "send_email"),
        ("functions.send_email:0", "send_email"),
        ("send_email()", "send_email"),
        (" send\\_email\n", "send_email"),
        ("send_email<|channel|>commentary", "send_email"),
        ("read_message", "mail.read_message"),
        ("functions.mail.read_message", "mail.read_message"),
    ],
)
def test_a_wrapped_name_is_unwrapped(name: str, meant: str) -> None:
    """That counts as a repair, so that a tool with side effects needs approval."""
    found = validate_call(ToolCall(id="c1", name=name, arguments='{"to": "a"}'), WRAPPED)

    assert isinstance(found, ReadyCall)
    assert found.tool.name == meant
    assert found.call.name == name
    assert [(one.kind, one.after, one.call_id) for one in found.repairs] == [
        ("repaired_name", meant, "c1")
    ]


@pytest.mark.parametrize(
    "name",
    ["send_mail", "Send_Email", "sendemail", "unsend_email", "undo_send_email", "email", "message",
     "send_email_now", "", " ", "()", "functions.", "x" * 301 + ".send_email", "send.email"],
)  # fmt: skip
def test_a_similar_name_is_never_assumed(name: str) -> None:
    """The model gets the names that exist."""
    found = validate_call(ToolCall(id="c1", name=name, arguments='{"to": "a"}'), WRAPPED)

    assert isinstance(found, ToolResult)
    assert "The tools are: send_email, mail.read_message" in found.text


def test_a_wrapped_name_counts_only_with_arguments_that_fit() -> None:
    """Otherwise another tool may be meant."""
    text = refusal("functions.send_email", '{"whom": "a"}', tools=WRAPPED)

    assert text.startswith("There is no tool 'functions.send_email'.")


def test_an_ending_that_two_tools_share_is_refused() -> None:
    """It is not known which one was meant."""
    tools = {"a.read_it": convert, "b.read_it": convert}

    assert refusal("read_it", '{"amount": 1}', tools=tools).startswith("There is no tool")


def test_changed_arguments_are_checked_like_any_others() -> None:
    """The caller that changed them names the change."""
    call = ToolCall(id="c1", name="convert", arguments='{"amount": "5"}')
    repair = Repair(kind="coerced_number", before='"5"', after="5", call_id="c1")

    found = check_arguments(call, convert, {"amount": 5}, repairs=(repair,))
    refused = check_arguments(call, convert, {"amount": "five"}, repairs=(repair,))

    assert isinstance(found, ReadyCall)
    assert found.repairs == (repair,)
    assert isinstance(refused, ToolResult)


def test_a_large_argument_is_read_completely() -> None:
    """A file to write may be long."""

    def write(text: Annotated[str, Field(min_length=1)]) -> None: ...

    made = tool(max_arguments_characters=1_000_000)(write)

    assert ready(made, '{"text": "' + "ü\\n" * 200_000 + '"}').bound.named == {
        "text": "ü\n" * 200_000
    }
