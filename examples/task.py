"""An autonomous task over the files of a folder: the model reads, works and writes by itself.

Run: python examples/task.py FOLDER "Which files mention invoices?" [PROVIDER:MODEL]
"""

import sys
from pathlib import Path

import anyio

from agentkit import Agent, Budget, Model, RunResult, ToolCallFinished
from agentkit.tools import rules
from agentkit_tools import load_tools

INSTRUCTIONS = """\
You carry out tasks on the files of one folder. Look before you write: list and read what you need.
Never overwrite a file unless the task says so. End with a short report of what you did."""


async def carry_out(model: str | Model, folder: Path, task: str) -> RunResult:
    """Work on the task until it is done or a limit is reached; every step is printed."""
    agent = Agent(
        model,
        tools=[
            *load_tools("files", folder=folder, allow_write=True),  # cannot leave the folder
            *load_tools("calculator"),
        ],
        instructions=INSTRUCTIONS,
        approve=rules.allow(rules.tagged("files")),  # without approval of each change
        budget=Budget(turns=30),
    )
    async with agent.stream(task) as run:
        async for event in run:
            if isinstance(event, ToolCallFinished):
                sign = "failed" if event.result.is_error else "done"
                print(f"{sign}: {event.call.name} {event.call.arguments}", file=sys.stderr)
    return run.result


async def main(*words: str) -> int:
    """Carry out the task and print the report."""
    folder, task, model = (*words, "sandbox:mixtral-8x22b")[:3]
    result = await carry_out(model, Path(folder), task)
    print(result.output)
    print(f"{result.turns} turns, {result.usage.total_tokens} tokens", file=sys.stderr)
    return 0 if result.stop_reason == "answered" else 1


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    sys.exit(anyio.run(main, *sys.argv[1:]))
