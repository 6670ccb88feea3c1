"""Agents in a FastAPI application. Chat with them at http://127.0.0.1:8000/agents/.

The base URL for clients of OpenAI is http://127.0.0.1:8000/agents/v1, the model is `assistant`.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from agentkit import Model
from agentkit.service import ServedAgent, build_service
from agentkit_agents import load_agent


def build_app(model: str | Model, database: str | None = None) -> FastAPI:
    """Build the application; the agents and the database are open for as long as it runs."""
    assistant = ServedAgent(
        load_agent("assistant", model),
        description="Calculates, and knows the time.",
        examples=("What is 6 * 7?",),
    )
    agents = build_service({"assistant": assistant}, database=database)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with agents.open():
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/")
    async def home() -> dict[str, str]:
        return {"agents": "/agents/"}

    app.mount("/agents", agents)
    return app


if __name__ == "__main__":
    uvicorn.run(build_app(sys.argv[1] if len(sys.argv) > 1 else "sandbox:mixtral-8x22b"))
