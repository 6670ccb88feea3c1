"""Python that a model writes, in Monty and in isolated CPython."""

from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from agentkit import Agent, ConfigError, ImageContent, RunContext, ToolError, ToolResult, tool
from agentkit.message import AssistantMessage
from agentkit.testing import ScriptedModel, tool_call
from agentkit_tools.isolation import CommandLimits
from agentkit_tools.python_code.cpython import cpython
from agentkit_tools.python_code.monty import MontyLimits, PythonResult, python
from tests.tool_results import structured


@tool(read_only=True, idempotent=True, open_world=False)
def price(item: str, count: int = 1) -> float:
    """Return the price of an item.

    Args:
        item: what is sold.
        count: how many.
    """
    if item == "nothing":
        raise ToolError("There is no such item.")
    return len(item) * count / 2


@tool(read_only=True)
def order(number: int) -> dict[str, int]:
    """Look an order up."""
    return {"number": number}


@tool(approval="ask")
def pay(amount: int) -> str:
    """Pay."""
    return f"paid {amount}"


def evaluate(code: str, inputs: dict[str, Any] | None = None, **options: Any) -> PythonResult:
    """Run code in Monty."""
    run, _ = python(**options)
    result: PythonResult = anyio.run(partial(run, RunContext(deps=None, call_id="1"), code, inputs))
    return result


def test_values_go_in_and_a_value_comes_out() -> None:
    """With what was printed."""
    result = evaluate("print('sum')\nsum(numbers) / 2", {"numbers": [1, 2]})

    assert result == PythonResult(value=1.5, printed="sum\n")


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("{'a': (1, None), 2: {True}}", {"a": [1, None], "2": [True]}),
        ("import datetime\ndatetime.date(2026, 1, 2)", "2026-01-02"),
        ("float('inf')", "inf"),
        ("b'ab'", "b'ab'"),
        ("10 ** 30", 10**30),
        ("x = 1", None),
    ],
)
def test_a_value_is_returned_as_json(code: str, value: object) -> None:
    """What has none becomes text."""
    assert evaluate(code).value == value


def test_code_calls_tools_as_functions() -> None:
    """By position and by name; their arguments are validated, and their errors can be caught."""
    code = (
        "caught = []\n"
        "for bad in (lambda: price(1), lambda: price('nothing'), lambda: price(1, 2, 3)):\n"
        "    try:\n        bad()\n"
        "    except (RuntimeError, TypeError) as error:\n        caught.append(str(error))\n"
        "[price('tea'), price(item='tea', count=4), order(7)['number'], caught]"
    )

    value = evaluate(code, functions=[price, order]).value

    assert value[:3] == [1.5, 6.0, 7]
    assert "item" in value[3][0]
    assert value[3][1] == "There is no such item."
    assert "takes 2 arguments" in value[3][2]


def test_a_tool_that_needs_approval_is_no_function() -> None:
    """Code cannot wait for a person."""
    with pytest.raises(ConfigError, match="'pay' cannot be a function"):
        python(functions=[pay])


def test_the_tool_has_the_effects_of_its_functions() -> None:
    """And names them to the model."""

    @tool
    def send(text: str) -> str:
        """Send a text."""
        return text

    pure, _ = python(functions=[price])
    sending, _ = python(functions=[price, send])

    assert pure.annotations.read_only_hint
    assert not sending.annotations.read_only_hint
    assert "price(item, count), Return the price of an item." in pure.description


def test_an_error_has_the_traceback_and_what_was_printed() -> None:
    """The model sees the line."""
    with pytest.raises(ToolError, match=r"(?s)^begun.*line 2.*1/0.*ZeroDivisionError"):
        evaluate("print('begun')\n1/0")
    with pytest.raises(ToolError, match="unexpected EOF"):
        evaluate("(")
    with pytest.raises(ToolError, match="time limit"):
        evaluate("while True: pass", limits=MontyLimits(seconds=0.1))


def test_a_long_value_and_long_output_can_be_read() -> None:
    """The value as text."""
    run, read = python()
    result = anyio.run(partial(run, RunContext(deps=None), "list(range(9000))"))

    assert result.value is None
    assert result.printed.startswith("[\n0,\n1,\n")
    assert "The value is long" in result.note
    assert read(result.output_id, 9_002) == "]\n" or "8999" in read(result.output_id, 9_000)


async def test_cancelled_code_ends() -> None:
    """Its process is killed, not left to its limit."""
    run, _ = python(limits=MontyLimits(seconds=60))

    with anyio.move_on_after(0.3) as scope:
        await run(RunContext(deps=None), "while True: pass")

    assert scope.cancelled_caught


def test_cpython_has_packages_and_returns_figures(tmp_path: Path) -> None:
    """The last expression is printed; figures are images."""
    (tmp_path / "numbers.csv").write_text("a,b\n1,2\n3,4\n")
    code = (
        "import csv, matplotlib.pyplot as plots\n"
        "rows = [int(row['b']) for row in csv.DictReader(open('numbers.csv'))]\n"
        "figure = plots.plot(rows)\n"
        "sum(rows)"
    )
    model = ScriptedModel(AssistantMessage(tool_calls=[tool_call("cpython", code=code)]), "Six.")

    result = Agent(model, tools=cpython(tmp_path)).run_sync("Sum b and plot it.")

    answer = result.history[2]
    assert isinstance(answer, ToolResult)
    assert structured(answer)["exit_code"] == 0
    assert structured(answer)["output"].endswith("6\n")
    (image,) = [block for block in answer.content if isinstance(block, ImageContent)]
    assert image.mime_type == "image/png"


def call(folder: Path, code: str, **options: Any) -> ToolResult:
    """Run code in CPython."""
    run, _ = cpython(folder, **options)
    handled = partial(run, RunContext(deps=None, call_id="1"), {"code": code})
    result: ToolResult = anyio.run(handled)
    return result


def test_cpython_reports_errors_and_limits(tmp_path: Path) -> None:
    """As a command does."""
    failed = structured(call(tmp_path, "1/0"))
    killed = structured(call(tmp_path, "while True: pass", limits=CommandLimits(seconds=0.3)))

    assert failed["exit_code"] == 1
    assert 'File "<code>", line 1' in failed["output"]
    assert killed["killed"] == "timeout"


@pytest.mark.parametrize("left", ["b'x'", 'b\'[1, "eA==", "!", null]\'', "b'[' * 9999", "b'{}'"])
def test_what_code_leaves_in_place_of_images_is_ignored(tmp_path: Path, left: str) -> None:
    """The file of the results can be written by any code."""
    code = (
        f"import os\nfor n in range(3, 9):\n  try: os.write(n, {left})\n"
        "  except OSError: pass\nos._exit(0)"
    )

    result = call(tmp_path, code)

    assert [block.type for block in result.content] == ["text"]


def test_effects_of_cpython_ask(tmp_path: Path) -> None:
    """Reading needs no approval."""
    reading, _ = cpython(tmp_path)
    writing, _ = cpython(tmp_path, allow_write=True)

    assert (reading.approval, reading.annotations.read_only_hint) == ("allow", True)
    assert (writing.approval, writing.annotations.read_only_hint) == ("ask", False)
    assert reading.output_schema is not None
