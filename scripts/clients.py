"""Run other frameworks, unchanged, as clients of a service on loopback.

In:  names of frameworks; without any, all of them.
Out: one line for each on standard output; exit code 1 if one of them failed.

Each has an environment of its own, since their dependencies exclude each other, and one program:
a question whose answer needs a tool of the agent, a tool of the client where the framework has
tools, and a stream.
"""

import os
import subprocess
import sys
import venv
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import anyio

from agentkit import Agent, tool
from agentkit.service import build_service, open_port

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".cache" / "clients"
TIMEOUT_SECONDS = 300
QUESTION = "What is the status of order 7?"
ANSWER = "Order 7 was shipped."

PYDANTIC_AI = """
import asyncio, os
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

async def main():
    provider = OpenAIProvider(base_url=os.environ["BASE_URL"], api_key="none")
    for model in (OpenAIChatModel, OpenAIResponsesModel):
        agent = Agent(model("support", provider=provider))
        @agent.tool_plain
        def weather(city: str) -> str:
            "Return the weather of a city."
            return f"It rains in {city}."
        answer = (await agent.run(os.environ["QUESTION"])).output
        rain = (await agent.run("What is the weather with city Oslo?")).output
        async with agent.run_stream(os.environ["QUESTION"]) as run:
            parts = [part async for part in run.stream_text(delta=True)]
        print(answer, rain, "".join(parts))

asyncio.run(main())
"""
OPENAI_AGENTS = """
import asyncio, os
from openai import AsyncOpenAI
from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool
from agents import set_tracing_disabled

set_tracing_disabled(True)

@function_tool
def weather(city: str) -> str:
    "Return the weather of a city."
    return f"It rains in {city}."

async def main():
    client = AsyncOpenAI(base_url=os.environ["BASE_URL"], api_key="none")
    for kind in (OpenAIChatCompletionsModel, OpenAIResponsesModel):
        model = kind(model="support", openai_client=client)
        agent = Agent(name="client", tools=[weather], model=model)
        answer = (await Runner.run(agent, os.environ["QUESTION"])).final_output
        rain = (await Runner.run(agent, "What is the weather with city Oslo?")).final_output
        run = Runner.run_streamed(agent, os.environ["QUESTION"])
        async for _ in run.stream_events():
            pass
        print(answer, rain, run.final_output)

asyncio.run(main())
"""
LANGCHAIN = """
import os
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

@tool
def weather(city: str) -> str:
    "Return the weather of a city."
    return f"It rains in {city}."

for is_responses in (False, True):
    model = ChatOpenAI(
        model="support", base_url=os.environ["BASE_URL"], api_key="none",
        use_responses_api=is_responses,
    )
    answer = model.invoke(os.environ["QUESTION"]).text
    said = [HumanMessage("What is the weather with city Oslo?")]
    called = model.bind_tools([weather]).invoke(said)
    (call,) = called.tool_calls
    said += [called, ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"])]
    rain = model.bind_tools([weather]).invoke(said).text
    parts = "".join(part.text for part in model.stream(os.environ["QUESTION"]))
    print(answer, rain, parts)
"""
LLM = """
import os, pathlib, tempfile

home = pathlib.Path(tempfile.mkdtemp())
os.environ["LLM_USER_PATH"] = str(home)
(home / "extra-openai-models.yaml").write_text(
    f"- model_id: support\\n  model_name: support\\n  api_base: {os.environ['BASE_URL']}\\n"
    "  supports_tools: true\\n"
)
import llm

def weather(city: str) -> str:
    "Return the weather of a city."
    return f"It rains in {city}."

model = llm.get_model("support")
model.key = "none"
answer = model.prompt(os.environ["QUESTION"], stream=False).text()
rain = model.chain("What is the weather with city Oslo?", tools=[weather], stream=False).text()
print(answer, rain, "".join(model.prompt(os.environ["QUESTION"], stream=True)))
"""

CLIENTS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "pydantic-ai": (("pydantic-ai-slim[openai]",), PYDANTIC_AI),
    "openai-agents": (("openai-agents",), OPENAI_AGENTS),
    "langchain": (("langchain-openai",), LANGCHAIN),
    "llm": (("llm",), LLM),
}


@tool(read_only=True)
def order_status(order: int) -> str:
    """Return the status of an order."""
    return f"Order {order} was shipped."


def environment(name: str) -> Path:
    """Return the Python of a framework's environment; make it if it is missing."""
    folder = ENVIRONMENTS / name
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        venv.create(folder, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", "--quiet", *CLIENTS[name][0]]
        subprocess.run(install, check=True)  # noqa: S603 - constant arguments
        (folder / "complete").touch()
    return python


def run_client(name: str, python: Path, url: str) -> str:
    """Run the program of a framework, and return what is wrong; "" if nothing is."""
    variables = {
        **os.environ,
        "BASE_URL": f"{url}/v1",
        "QUESTION": QUESTION,
        "OPENAI_API_KEY": "none",
        "OPENAI_AGENTS_DISABLE_TRACING": "1",
    }
    done = subprocess.run(  # noqa: S603 - our own program
        [str(python), "-c", CLIENTS[name][1]],
        env=variables,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode:
        return done.stderr[-1500:]
    lines = done.stdout.strip().splitlines()
    is_right = all(line.count(ANSWER) == 2 and "It rains in Oslo." in line for line in lines)
    return "" if lines and is_right else f"unexpected answers: {done.stdout}"


async def run_all(pythons: Mapping[str, Path]) -> bool:
    """Serve an agent, run the clients, and return whether all of them succeeded."""
    agent = Agent("sandbox:mixtral-8x22b", tools=[order_status], name="support")
    is_right = True
    async with open_port(build_service({"support": agent}), port=0) as running:
        for name, python in pythons.items():
            work = partial(run_client, name, python, running.url)
            wrong = await anyio.to_thread.run_sync(work)
            sys.stdout.write(f"{name}: {wrong or 'right'}\n")
            is_right = is_right and not wrong
    return is_right


def main() -> int:
    """Make the environments, and run the clients."""
    names = sys.argv[1:] or list(CLIENTS)
    pythons = {name: environment(name) for name in names}
    return 0 if anyio.run(run_all, pythons) else 1


if __name__ == "__main__":
    sys.exit(main())
