"""A support bot whose refunds need approval: a person decides at this terminal.

`agentkit serve examples/support.py` serves the same agent, with a page to chat and to decide;
refunds that are asked for in the formats of OpenAI wait for a person, too.
"""

import sys
from typing import Any

import anyio
import httpx

from agentkit import Agent, tool
from agentkit.service import ServedAgent, build_service, open_port


@tool(approval="ask")
def refund_order(order: int) -> str:
    """Refund an order."""
    return f"Order {order} was refunded."


agent = Agent("sandbox:mixtral-8x22b", tools=[refund_order], name="support")
agents = {"support": ServedAgent(agent, on_ask="park", examples=("Refund order 7.",))}


def verdict_about(call: dict[str, str]) -> str:
    """Let the person at the terminal decide about a call."""
    answer = input(f"Run {call['name']}({call['arguments']})? [y/n] ")
    return "allow" if answer == "y" else "deny"


async def answer(client: httpx.AsyncClient, question: str) -> str:
    """Start a run, have each call that needs approval decided, and return the answer."""
    body: dict[str, Any] = {"agent": "support", "prompt": question}
    run = (await client.post("/runs", json=body)).json()
    while run["status"] in ("queued", "running"):
        await anyio.sleep(0.1)
        run = (await client.get(f"/runs/{run['id']}")).json()
        if run["status"] == "suspended":
            decisions = [
                {"call_id": call["id"], "verdict": verdict_about(call)}
                for call in run["open_calls"]
            ]
            body = {"decisions": decisions}
            run = (await client.post(f"/runs/{run['id']}/decisions", json=body)).json()
    return str(run["text"])


async def main(question: str) -> None:
    """Serve the agents on a free port of this machine, and ask."""
    async with (
        open_port(build_service(agents), port=0) as running,
        httpx.AsyncClient(base_url=running.url) as client,
    ):
        print(await answer(client, question))


if __name__ == "__main__":
    anyio.run(main, sys.argv[1] if len(sys.argv) > 1 else "Refund order 7.")
