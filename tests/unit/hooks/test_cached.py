"""The results of read-only tools are cached."""

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from agentkit import History, RunContext, Tool, ToolError, tool
from agentkit.content import AudioContent, EmbeddedResource, ImageContent, ResourceLink
from agentkit.hooks import cached
from agentkit.testing.clock import ManualClock
from agentkit.tools import StaticToolset
from tests.unit.tools.running import execute, ready


class Counter:
    """Tools that count their executions."""

    def __init__(self, **options: Any) -> None:
        self.runs = 0

        def look(at: str = "", other: int = 0) -> str:
            """Look at something."""
            self.runs += 1
            if at == "nothing":
                raise ToolError("There is nothing.")
            return f"{at or 'all'}{other} {self.runs}"

        self.tool = tool(look, **options)


READS: dict[str, Any] = {"read_only": True}


async def first(*tools: Tool, **options: Any) -> Tool:
    """Return the first of these tools, with a cache."""
    return (await cached(StaticToolset(tools), **options).list_tools(History()))[0]


async def run(made: Tool, arguments: str = "", call_id: str = "c1") -> str:
    """Run one call and return the text of its result."""
    (result,) = await execute(ready(made, arguments, id=call_id))
    assert result.call_id == call_id
    return result.text


async def test_an_equal_call_is_answered_from_the_cache() -> None:
    """Calls are equal if their arguments are, however they are formatted."""
    counter = Counter(**READS)
    made = await first(counter.tool)

    texts = [
        await run(made, '{"at": "a", "other": 1}'),
        await run(made, '{"other":1,"at":"a"}', "c2"),
        await run(made, '{"at": "b", "other": 1}'),
    ]

    assert texts == ["a1 1", "a1 1", "b1 2"]


async def test_each_toolset_has_its_own_cache() -> None:
    """Nothing is shared implicitly."""
    counter = Counter(**READS)
    one, other = await first(counter.tool), await first(counter.tool)

    assert [await run(one), await run(other), await run(one)] == ["all0 1", "all0 2", "all0 1"]


NOT_REMEMBERED: dict[str, Callable[[], Counter]] = {
    "with effects": Counter,
    "that polls": lambda: Counter(**READS, polls=True),
}


@pytest.mark.parametrize("build", NOT_REMEMBERED.values(), ids=NOT_REMEMBERED.keys())
async def test_a_tool_that_must_not_be_cached_runs_each_time(build: Callable[[], Counter]) -> None:
    """Its result may differ, or it has an effect."""
    counter = build()
    made = await first(counter.tool)

    await run(made)
    await run(made)

    assert counter.runs == 2


@pytest.mark.parametrize(("with_context", "runs"), [(False, 2), (True, 1)])
async def test_a_tool_with_a_context_is_cached_only_on_request(
    with_context: bool, runs: int
) -> None:
    """Its result may depend on the user."""
    asked: list[str] = []

    @tool(read_only=True)
    def mine(context: RunContext[str]) -> str:
        """Look at what is mine."""
        asked.append(context.deps)
        return context.deps

    made = await first(mine, with_context=with_context)
    for user in ("ada", "bob"):
        await execute(ready(made), deps=user)

    assert len(asked) == runs


async def test_an_error_is_not_cached() -> None:
    """It may be temporary."""
    counter = Counter(**READS)
    made = await first(counter.tool)

    for _ in range(2):
        assert "There is nothing." in await run(made, '{"at": "nothing"}')

    assert counter.runs == 2


async def test_a_cached_result_expires() -> None:
    """Its age counts from the call."""
    clock = ManualClock()
    made = await first(Counter(**READS).tool, max_age_seconds=10, clock=clock)
    texts = [await run(made)]
    clock.advance(9.9)
    texts.append(await run(made))
    clock.advance(0.1)
    texts.append(await run(made))

    assert texts == ["all0 1", "all0 1", "all0 2"]


async def test_the_least_recently_used_result_is_dropped_first() -> None:
    """If there are too many."""
    made = await first(Counter(**READS).tool, max_entries=2)

    for at in "abac":
        await run(made, f'{{"at": "{at}"}}')

    assert await run(made, '{"at": "a"}') == "a0 1"
    assert await run(made, '{"at": "b"}') == "b0 4"


@pytest.mark.parametrize(
    "value",
    [
        "x" * 60,
        {"x": "x" * 23},
        ImageContent(data="x" * 60, mime_type="image/png"),
        AudioContent(data="x" * 60, mime_type="audio/wav"),
        EmbeddedResource(uri="a:b", text="x" * 60),
        EmbeddedResource(uri="a:b", blob="x" * 60),
    ],
    ids=["text", "structured", "image", "sound", "resource", "binary resource"],
)
async def test_the_cache_is_bounded_by_its_size(value: Any) -> None:
    """One result fits, two do not; a result that is too large alone is never cached."""
    runs: list[str] = []

    def look(at: str):  # type: ignore[no-untyped-def]
        """Look."""
        runs.append(at)
        return value

    made = await first(tool(look, **READS), max_characters=130)
    tight = await first(tool(look, **READS), max_characters=50)

    for at in "aab":
        await run(made, f'{{"at": "{at}"}}')
    assert runs == ["a", "b"]
    await run(made, '{"at": "a"}')
    assert runs == ["a", "b", "a"]
    for _ in range(2):
        await run(tight, '{"at": "a"}')
    assert runs == ["a", "b", "a", "a", "a"]


async def test_a_resource_link_counts_little() -> None:
    """It does not contain the resource."""

    @tool(read_only=True)
    def link() -> ResourceLink:
        """Link."""
        links.append(1)
        return ResourceLink(uri="a:b", name="b")

    links: list[int] = []
    made = await first(link, max_characters=10)
    await run(made)
    await run(made)

    assert links == [1]


async def test_two_equal_calls_at_once_both_run_and_one_is_kept() -> None:
    """The last to end; neither waits for the other."""
    runs: list[str] = []
    both = anyio.Event()

    @tool(read_only=True)
    async def look(context: RunContext[None]) -> str:
        """Look."""
        runs.append(context.call_id)
        if len(runs) == 2:
            both.set()
        await both.wait()
        return "seen"

    made = await first(look, with_context=True)

    await execute(ready(made), ready(made, id="c2"))
    await run(made)

    assert sorted(runs) == ["c1", "c2"]


@pytest.mark.parametrize(
    "bounds", [{"max_entries": 0}, {"max_characters": 0}, {"max_age_seconds": 0}], ids=str
)
def test_a_cache_without_capacity_is_rejected(bounds: dict[str, Any]) -> None:
    """It would have no use."""
    with pytest.raises(ValueError, match="keeps nothing"):
        cached(StaticToolset(), **bounds)
