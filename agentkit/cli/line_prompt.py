"""A line that a person types on the terminal, asked for on standard error.

In:  a terminal.
Out: a function that asks.
"""

import signal
import sys
from collections.abc import Awaitable, Callable

import anyio
from prompt_toolkit import PromptSession
from prompt_toolkit.output import create_output


def line_asker() -> Callable[[str, str], Awaitable[str | None]]:
    """Return a function that gets a prompt and the text to begin with; see `AskLine`."""
    session: PromptSession[str] = PromptSession(output=create_output(stdout=sys.stderr))

    async def ask(prompt: str, default: str) -> str | None:
        try:
            # Its own handler would take the place of the one that a chat listens with, for good.
            return await session.prompt_async(prompt, default=default, handle_sigint=False)
        except EOFError:
            return None
        except KeyboardInterrupt:
            # The editor took the key; whoever listens for Ctrl-C shall hear of it as usual.
            signal.raise_signal(signal.SIGINT)
            await anyio.sleep_forever()
            return None

    return ask
