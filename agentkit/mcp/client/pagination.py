"""Read lists that a server gives in pages.

In:  a function that requests one page.
Out: the items of all pages, within bounds: a list without end is cut.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from mcp_types import PaginatedResult

from agentkit.errors import ToolError

MAX_PAGES = 1_000
MAX_ITEMS = 20_000

ResultT = TypeVar("ResultT", bound=PaginatedResult)
ItemT = TypeVar("ItemT")


async def read_pages(
    ask: Callable[[str | None], Awaitable[ResultT]], items: Callable[[ResultT], list[ItemT]]
) -> list[ItemT]:
    """Return the items of all pages, in order.

    Args:
        ask: requests the page at a cursor; None for the first page.
        items: returns the items of a page.

    Raises:
        ToolError: the pages go in a circle, or there are too many.
    """
    found: list[ItemT] = []
    seen: set[str] = set()
    cursor: str | None = None
    while True:
        page = await ask(cursor)
        found += items(page)
        cursor = page.next_cursor
        if cursor is None:
            return found
        if cursor in seen or len(seen) >= MAX_PAGES or len(found) > MAX_ITEMS:
            raise ToolError(
                f"the list has no end: {len(found)} entries came on {len(seen) + 1} pages"
            )
        seen.add(cursor)
