"""A line that a person types on the terminal, with the question on standard error.

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
    """Return a function that gets a prompt and the initial text; see `AskLine`."""
    sessions: list[PromptSession[str]] = []

    async def ask(prompt: str, default: str) -> str | None:
        if not sessions:  # made when it is needed: it writes escape codes to the terminal
            sessions.append(PromptSession(output=create_output(stdout=sys.stderr)))
        try:
            # Its own handler would replace the one of the chat for good.
            return await sessions[0].prompt_async(prompt, default=default, handle_sigint=False)
        except EOFError:
            return None
        except KeyboardInterrupt:
            # The editor took the key; the handler of Ctrl-C must get it as usual.
            signal.raise_signal(signal.SIGINT)
            await anyio.sleep_forever()
            return None

    return ask
