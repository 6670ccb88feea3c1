"""Other frameworks, each in an environment of its own.

In:  nothing; pip installs the packages from its configured index.
Out: for each framework, its Python interpreter and the versions of its packages.
"""

import os
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = ("anyio==4.16.0", "httpx==0.28.1")
"""The packages of the baseline loop and of the measurement."""

# LiteLLM, a part of google-adk, would fetch a list of prices from the internet when it is imported.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A framework that agentkit is compared with.

    Attributes:
        name: the usual name.
        module: the module with its code, below `benchmarks.peers`.
        packages: the packages to install, with versions.
        first_agent: code that imports it and builds an agent with one tool, `convert`.
    """

    name: str
    module: str
    packages: Sequence[str]
    first_agent: str

    def python(self) -> Path:
        """Return the Python of the environment, after making it if it is missing or old."""
        folder = ROOT / ".cache" / "environments" / f"peer-{self.module}"
        python, stamp = folder / "bin" / "python", folder / "stamp"
        wanted = "\n".join((*self.packages, *SHARED))
        if not stamp.exists() or stamp.read_text() != wanted:
            sys.stderr.write(f"Making an environment for {self.name} …\n")
            venv.create(folder, with_pip=True, clear=True)
            pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
            subprocess.run([*pip, *self.packages, *SHARED], check=True)  # noqa: S603 - constants of this module
            stamp.write_text(wanted)
        return python


_TOOL = '''
async def convert(amount: float, rate: float) -> float:
    """Convert money."""
    return amount * rate
'''

PEERS: Mapping[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer(
            name="pydantic-ai",
            module="with_pydantic_ai",
            packages=("pydantic-ai-slim[openai]==2.68.0", "openai==3.57.0"),
            first_agent=f"""
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
{_TOOL}
provider = OpenAIProvider(base_url="http://127.0.0.1:9", api_key="none")
Agent(OpenAIChatModel("m", provider=provider), tools=[convert])
""",
        ),
        Peer(
            name="openai-agents",
            module="with_openai_agents",
            packages=("openai-agents==0.24.0", "openai==3.57.0"),
            first_agent=f"""
from agents import Agent, OpenAIChatCompletionsModel, function_tool
from openai import AsyncOpenAI
{_TOOL}
client = AsyncOpenAI(base_url="http://127.0.0.1:9", api_key="none")
model = OpenAIChatCompletionsModel(model="m", openai_client=client)
Agent(name="agent", model=model, tools=[function_tool(convert)])
""",
        ),
        Peer(
            name="LangChain",
            module="with_langchain",
            packages=("langchain==1.5.2", "langchain-openai==1.7.4", "openai==3.57.0"),
            first_agent=f"""
from langchain.agents import create_agent
from langchain_openai import ChatOpenAI
{_TOOL}
create_agent(ChatOpenAI(model="m", base_url="http://127.0.0.1:9", api_key="none"), [convert])
""",
        ),
        Peer(
            name="agno",
            module="with_agno",
            packages=("agno==3.1.10", "openai==3.57.0"),
            first_agent=f"""
from agno.agent import Agent
from agno.models.openai.like import OpenAILike
{_TOOL}
Agent(model=OpenAILike(id="m", base_url="http://127.0.0.1:9", api_key="none"), tools=[convert])
""",
        ),
        Peer(
            name="strands",
            module="with_strands",
            packages=("strands-agents[openai]==1.62.0",),
            first_agent=f"""
from strands import Agent, tool
from strands.models.openai import OpenAIModel
{_TOOL}
client = {{"base_url": "http://127.0.0.1:9", "api_key": "none"}}
model = OpenAIModel(client_args=client, model_id="m")
Agent(model=model, tools=[tool(convert)])
""",
        ),
        Peer(
            name="agent-framework",
            module="with_agent_framework",
            packages=(
                "agent-framework-core==1.23.0",
                "agent-framework-openai==1.17.0",
                "openai==3.57.0",
            ),
            first_agent=f"""
from agent_framework import Agent
from agent_framework.openai import OpenAIChatCompletionClient
{_TOOL}
client = OpenAIChatCompletionClient(model="m", base_url="http://127.0.0.1:9", api_key="none")
Agent(client, tools=[convert])
""",
        ),
        Peer(
            name="google-adk",
            module="with_google_adk",
            packages=("google-adk==2.13.0", "litellm==1.110.2"),
            first_agent=f"""
from google.adk.agents import LlmAgent
from google.adk.models.lite_llm import LiteLlm
{_TOOL}
model = LiteLlm(model="openai/m", api_base="http://127.0.0.1:9", api_key="none")
LlmAgent(name="agent", model=model, tools=[convert])
""",
        ),
    )
}
