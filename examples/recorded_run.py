"""Two runs with a scripted model: its answers are recorded, the tools and their results are real.

Run: python examples/recorded_run.py analyst   (or: coder)
"""

import sys
import tempfile
from pathlib import Path

from agentkit import ToolCall, ToolCallFinished
from agentkit.testing import ScriptedModel, tool_call
from agentkit_agents import load_agent

TEST = "python -m unittest -q test_prices"
QUERY = "SELECT city, sum(amount) AS total FROM orders GROUP BY city ORDER BY total DESC"
SAMPLES = {
    "analyst": {"orders.csv": "city,amount\nOslo,10\nBergen,5\nOslo,7.5\n"},
    "coder": {
        "prices.py": "def total(prices):\n    return sum(prices[1:])\n",
        "test_prices.py": "import unittest\n\nfrom prices import total\n\n\n"
        "class TotalTest(unittest.TestCase):\n    def test_total(self):\n"
        "        self.assertEqual(total([1, 2, 3]), 6)\n",
    },
}
QUESTIONS = {"analyst": "Which city ordered most?", "coder": "Make the failing test pass."}
ANSWERS: dict[str, list[str | ToolCall]] = {
    "analyst": [
        tool_call("list_tables"),
        tool_call("query_tables", statement=QUERY),
        "Oslo, with 17.5 (the sum of `amount` in orders.csv, 3 rows).",
    ],
    "coder": [
        tool_call("shell", command=TEST),
        tool_call("read_file", path="prices.py"),
        tool_call("edit_file", path="prices.py", old_text="prices[1:]", new_text="prices"),
        tool_call("shell", command=TEST),
        "total() left out the first price. I changed prices[1:] to prices; the test passes now.",
    ],
}


def main(name: str) -> None:
    """Run one of the agents on its sample, and print each call and how its result begins."""
    with tempfile.TemporaryDirectory() as folder:
        for file, text in SAMPLES[name].items():
            Path(folder, file).write_text(text)
        agent = load_agent(name, ScriptedModel(*ANSWERS[name]), folder=folder)
        with agent.stream_sync(QUESTIONS[name]) as run:
            for event in run:
                if isinstance(event, ToolCallFinished):
                    first = " ".join(event.result.text.split())[:76]
                    print(
                        f"→ {event.call.name}({event.call.arguments})"[:78], f"← {first}", sep="\n"
                    )
        print(run.result.output)


if __name__ == "__main__":
    main(sys.argv[1])
