"""Read lists that a server gives in pages.

In:  a function that requests one page.
Out: the items of all pages, within bounds: a list without end is cut.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from mcp_types import PaginatedResult

from agentkit.errors import ToolError
from agentkit.json_schema.validator import shorten

MAX_PAGES = 1_000
MAX_ITEMS = 20_000

ResultT = TypeVar("ResultT", bound=PaginatedResult)
ItemT = TypeVar("ItemT")


async def read_pages(
    ask: Callable[[str | None], Awaitable[ResultT]],
    items: Callable[[ResultT], list[ItemT]],
    *,
    report: Callable[[str], None],
) -> list[ItemT]:
    """Return the items of all pages, in order.

    A cursor that comes again, or is empty, ends the list: many servers send the same one with
    every page, or an empty one with the last.

    Args:
        ask: requests the page at a cursor; None for the first page.
        items: returns the items of a page.
        report: called with a sentence if the list ended that way.

    Raises:
        ToolError: there are too many pages or items.
    """
    pages: list[list[ItemT]] = []
    seen: set[str] = set()
    cursor: str | None = None
    while True:
        page = await ask(cursor)
        pages.append(items(page))
        cursor = page.next_cursor
        if cursor is None:
            break
        if not cursor or cursor in seen:
            # A server that does not read cursors sends its first page again.
            if len(pages) > 1 and pages[-1] == pages[-2]:
                pages.pop()
            count = sum(map(len, pages))
            report(
                f"A list ended with the cursor {shorten(cursor)!r}, which does not lead on; "
                f"{count} entries came."
            )
            break
        if len(seen) >= MAX_PAGES or sum(map(len, pages)) > MAX_ITEMS:
            raise ToolError(
                f"the list has no end: {sum(map(len, pages))} entries on {len(pages)} pages"
            )
        seen.add(cursor)
    return [item for one in pages for item in one]
