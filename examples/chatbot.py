"""A chatbot with one tool: reads lines, streams answers, keeps the conversation.

Run: python examples/chatbot.py [PROVIDER:MODEL]
"""

import sys
from datetime import date
from typing import Literal

import anyio
import anyio.to_thread

from agentkit import Agent, History, Model, TextReceived, ToolCallStarted, tool

Weekday = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]
MENU = {"Monday": "lentil soup", "Tuesday": "pasta", "Wednesday": "curry", "Thursday": "pizza"}


@tool(read_only=True)
def lunch_menu(weekday: Weekday) -> str:
    """Look up what is for lunch on a weekday.

    Args:
        weekday: the day, e.g. "Monday".
    """
    return MENU.get(weekday, "The kitchen is closed.")


async def chat(model: str | Model) -> History:
    """Chat until the end of standard input, and return the conversation."""
    agent = Agent(
        model,
        tools=[lunch_menu],
        instructions=f"You are the canteen's assistant. Today is {date.today():%A %d %B %Y}.",  # noqa: DTZ011 - the canteen's own day
    )
    history = History()
    async with agent:  # keeps one connection for the conversation
        while line := await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
            if not line.strip():
                continue
            async with agent.stream(line.strip(), history=history) as run:
                async for event in run:
                    if isinstance(event, TextReceived):
                        print(event.text, end="", flush=True)
                    elif isinstance(event, ToolCallStarted):
                        print(f"[{event.call.name} {event.call.arguments}]", file=sys.stderr)
            print()
            history = run.result.history
    return history


if __name__ == "__main__":
    anyio.run(chat, sys.argv[1] if len(sys.argv) > 1 else "sandbox:mixtral-8x22b")
