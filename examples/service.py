"""An agent behind HTTP. Ask it: curl -N -d 'What is 6 * 7?' http://127.0.0.1:8000/."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route
from starlette.types import Send

from agentkit import Agent, AgentKitError, HistoryError, Model
from agentkit_agents import load_agent


class RunResponse(StreamingResponse):
    """Sends a line per event as it happens; a client that disconnects stops the run."""

    def __init__(self, agent: Agent, question: str) -> None:
        super().__init__((), media_type="application/x-ndjson")
        self.agent, self.question = agent, question

    async def stream_response(self, send: Send) -> None:
        """Run the agent; Starlette cancels this when the client disconnects."""

        async def send_body(text: str, *, more: bool = True) -> None:
            await send({"type": "http.response.body", "body": text.encode(), "more_body": more})

        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        try:
            async with self.agent.stream(self.question) as run:
                async for record in run.records():
                    await send_body(f"{record.to_json()}\n")
        except AgentKitError as error:
            if isinstance(error, HistoryError):  # before the run, so no record says it
                failed = {"type": "run_failed", "error": {"message": str(error)}}
                await send_body(json.dumps({"event": failed}) + "\n")
        await send_body("", more=False)


def build_app(model: str | Model) -> Starlette:
    """Build the app; the agent's connections are open for as long as it runs."""
    agent = load_agent("assistant", model)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with agent:
            yield

    async def ask(request: Request) -> RunResponse:
        return RunResponse(agent, (await request.body()).decode(errors="replace"))

    return Starlette(routes=[Route("/", ask, methods=["POST"])], lifespan=lifespan)


if __name__ == "__main__":
    uvicorn.run(build_app(sys.argv[1] if len(sys.argv) > 1 else "sandbox:mixtral-8x22b"))
