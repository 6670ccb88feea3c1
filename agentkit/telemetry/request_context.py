"""What surrounds the requests that a service answers, such as the trace of their caller.

In:  functions that read the headers of a request; registered while an export is switched on.
Out: one context around each request; nothing is spent if none is registered.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TypeAlias

RequestContext: TypeAlias = Callable[[Mapping[str, str]], AbstractContextManager[None]]

_registered: list[RequestContext] = []


def add_request_context(context: RequestContext) -> None:
    """Enter a context around each request from now on."""
    if context not in _registered:
        _registered.append(context)


def remove_request_context(context: RequestContext) -> None:
    """Enter a context no more."""
    if context in _registered:
        _registered.remove(context)


@contextmanager
def request_context(headers: Mapping[str, str]) -> Iterator[None]:
    """Enter what is registered around one request."""
    if not _registered:
        yield
        return
    with ExitStack() as stack:
        for context in tuple(_registered):
            stack.enter_context(context(headers))
        yield
