"""From the words of a command line to tools and agents."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agentkit import Agent, AgentKitError, ConfigError, ModelSettings, Tool
from agentkit.cli.agent_builder import (
    AgentSelection,
    BuiltAgent,
    build_agent,
    load_requested_tools,
    read_settings,
)
from agentkit.model.provider_model import ProviderModel
from agentkit.tools.toolset import ToolLike

CODE = '''
from agentkit import Agent, tool
from agentkit.tools import StaticToolset
from agentkit.testing import ScriptedModel

@tool
def double(number: int) -> int:
    """Double a number."""
    return 2 * number

def triple(number: int) -> int:
    """Triple a number."""
    return 3 * number

both = [double, triple]
toolset = StaticToolset([triple])
agent = Agent(ScriptedModel("ready"), name="mine")
answer = 42

def build(model, tools=()):
    return Agent(model, tools=tools, name="built")

def build_nothing(model):
    return None

def nothing_taken():
    return None

def build_and_fail(model):
    raise ValueError("no such colour")

def build_wrongly(model):
    return Agent(model, tools=[5])

trial = Agent("sandbox:mixtral-8x22b")
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand in a folder with a user's own code, and forget that code afterwards."""
    (tmp_path / "mine.py").write_text(CODE)
    (tmp_path / "plain.py").write_text("TOOLS = [print]\n")
    (tmp_path / "empty.py").write_text("x = 1\n")
    (tmp_path / "broken.py").write_text("def (:\n")
    (tmp_path / "unfit.py").write_text("from agentkit import tool\n\n@tool\ndef f(*args): 0\n")
    (tmp_path / "notes.txt").write_text("hi")
    monkeypatch.chdir(tmp_path)
    for variable in ("AGENTKIT_MODEL", "AGENTKIT_CATALOG", "OPENROUTER_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    paths, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = paths
    for name in set(sys.modules) - modules:
        if name in ("mine", "broken") or name.startswith("agentkit_user_"):
            del sys.modules[name]


def names(tools: list[ToolLike]) -> list[str]:
    """Name tools and functions."""
    return [
        str(getattr(tool, "name", getattr(tool, "__name__", type(tool).__name__))) for tool in tools
    ]


WORDS = {
    "family": (["calculator"], ["calculate"]),
    "several with commas": (
        ["calculator, units"],
        ["calculate", "convert_units"],
    ),
    "none": (["none"], []),
    "module and name": (["mine:double"], ["double"]),
    "a plain function": (["mine:triple"], ["triple"]),
    "a list": (["mine:both"], ["double", "triple"]),
    "a toolset": (["mine:toolset"], ["StaticToolset"]),
    "file and name": (["mine.py:double"], ["double"]),
    "a file": (["mine.py"], ["double", "StaticToolset"]),
    "a file with TOOLS": (["plain.py", "calculator"], ["print", "calculate"]),
}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("words", "found"), WORDS.values(), ids=WORDS.keys())
def test_words_name_tools(words: list[str], found: list[str]) -> None:
    """Ready-made families, and a user's own code."""
    assert names(load_requested_tools(words)) == found


def test_the_files_family_works_in_the_folder_that_is_named(folder: Path) -> None:
    """And writes only if that is allowed."""
    reading = load_requested_tools(["files"], folder=folder)
    writing = load_requested_tools(["files"], folder=folder, allow_write=True)

    read_file = reading[0]
    assert isinstance(read_file, Tool)
    assert read_file("notes.txt") == "hi"
    assert "write_file" not in names(reading)
    assert "write_file" in names(writing)


WRONG_WORDS = {
    "calculatr": "Did you mean 'calculator'?",
    "weather": "There are no ready-made tools 'weather'",
    "mine:doubel": "similar: double",
    "mine:zzz": "'mine' has no 'zzz'.",
    "nowhere.at.all:x": "cannot be loaded for tools: ModuleNotFoundError",
    "missing.py": "There is no file 'missing.py'",
    "broken.py": "cannot be loaded for tools: SyntaxError",
    "unfit.py": "takes '*args'; a model needs to know each argument by name. List the parameters, "
    "or use Tool.from_schema (unfit.py, line 3).",
    "empty.py": "decorate a function with @tool",
    "mine:answer": "is int, which is neither a tool nor",
}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("word", "message"), WRONG_WORDS.items(), ids=WRONG_WORDS.keys())
def test_a_word_that_names_no_tools_is_refused(word: str, message: str) -> None:
    """With what is wrong and what there is."""
    with pytest.raises(ConfigError) as caught:
        load_requested_tools([word])

    assert message in str(caught.value)


def agent_name(selection: AgentSelection) -> str:
    """Return the name of the agent that is chosen."""
    built: BuiltAgent = build_agent(selection)
    return built.agent.name


@pytest.mark.usefixtures("folder")
def test_without_a_word_the_assistant_answers_from_the_sandbox() -> None:
    """And the first line says so."""
    built = build_agent(AgentSelection())

    assert built.agent.name == "assistant"
    assert built.agent.model.name == "sandbox:mixtral-8x22b"
    assert "no key of a known provider is set" in built.banner
    assert built.is_stand_in


@pytest.mark.usefixtures("folder")
def test_the_banner_has_the_address_and_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason for which it was chosen."""
    monkeypatch.setenv("OPENROUTER_API_KEY", "k")

    by_key = build_agent(AgentSelection())
    by_name = build_agent(AgentSelection(model="ollama:mixtral-8x22b"))
    elsewhere = build_agent(AgentSelection(model="vllm:m", base_url="http://gpu:9/v1"))

    assert by_key.banner == (
        "openrouter:mixtral-8x22b at https://openrouter.ai/api/v1 (OPENROUTER_API_KEY is set)"
    )
    assert by_name.banner == "ollama:mixtral-8x22b at http://localhost:11434/v1 (--model)"
    assert elsewhere.banner == "vllm:m at http://gpu:9/v1 (--model)"
    assert not by_key.is_stand_in


AGENTS = {
    "ready-made": (AgentSelection(agent="assistant", tools=["none"]), "assistant"),
    "an agent": (AgentSelection(agent="mine:agent"), "mine"),
    "a builder": (AgentSelection(agent="mine:build"), "built"),
    "a builder with tools": (AgentSelection(agent="mine.py:build", tools=["mine:double"]), "built"),
    "a file": (AgentSelection(agent="mine.py"), "mine"),
}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("selection", "name"), AGENTS.values(), ids=AGENTS.keys())
def test_a_word_names_an_agent(selection: AgentSelection, name: str) -> None:
    """Ready-made, or a user's own."""
    assert agent_name(selection) == name


async def test_an_agent_of_a_folder_works_in_the_one_that_is_named(folder: Path) -> None:
    """Its tools see the files there."""
    selection = AgentSelection(model="sandbox:mixtral-8x22b", agent="analyst", folder=folder)
    (folder / "orders.csv").write_text("city\nOslo\n")

    agent: Agent[Any] = build_agent(selection).agent
    result = await agent.run("List the tables.")

    assert "orders.csv, 1 rows" in result.output


@pytest.mark.usefixtures("folder")
def test_an_agent_of_the_user_says_which_model_it_brings() -> None:
    """Since no --model chose it."""
    built = build_agent(AgentSelection(agent="mine:agent"))

    assert isinstance(built.agent, Agent)
    assert built.banner == "scripted:model (chosen by mine:agent)"


@pytest.mark.usefixtures("folder")
def test_an_agent_of_the_user_on_the_sandbox_is_introduced_as_no_language_model() -> None:
    """However it came to be the one."""
    built = build_agent(AgentSelection(agent="mine:trial"))

    assert built.banner == "sandbox:mixtral-8x22b (chosen by mine:trial)"
    assert built.is_stand_in


WRONG_AGENTS = {
    "unknown": (AgentSelection(agent="assistent"), "Did you mean 'assistant'?"),
    "no agent": (AgentSelection(agent="mine:answer"), "neither an Agent nor a function"),
    "no agent in a file": (AgentSelection(agent="empty.py"), "neither an 'agent' nor a 'build'"),
    "a builder that fails": (
        AgentSelection(agent="mine.py:build_and_fail"),
        "'mine.py:build_and_fail' cannot build an agent: ValueError: no such colour (mine.py, line",
    ),
    "a builder that takes nothing": (
        AgentSelection(agent="mine:nothing_taken"),
        "cannot build an agent: TypeError: nothing_taken() takes 0 positional arguments",
    ),
    "a builder with a wrong tool": (
        AgentSelection(agent="mine:build_wrongly"),
        "5 cannot be a tool",
    ),
    "a builder of nothing": (AgentSelection(agent="mine:build_nothing"), "returned NoneType"),
    "a model for an agent that has one": (
        AgentSelection(agent="mine:agent", model="sandbox:x"),
        "leave out --model",
    ),
    "tools for an agent that has some": (
        AgentSelection(agent="mine:agent", tools=["calculator"]),
        "leave out --model and --tools",
    ),
}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("selection", "message"), WRONG_AGENTS.values(), ids=WRONG_AGENTS.keys())
def test_a_word_that_names_no_agent_is_refused(selection: AgentSelection, message: str) -> None:
    """Before anything is sent."""
    with pytest.raises(AgentKitError) as caught:
        build_agent(selection)

    assert message in str(caught.value)


@pytest.mark.usefixtures("folder")
def test_instructions_settings_and_limits_change_the_agent() -> None:
    """What is not given stays as the agent has it."""
    plain = build_agent(AgentSelection(agent="mine:agent")).agent
    built = build_agent(
        AgentSelection(
            agent="mine.py:agent",
            instructions="Be brief.",
            settings=["temperature=0.2", "stop=END", "seed=7"],
            max_tokens=100,
            max_turns=3,
            max_cost_usd=Decimal("0.5"),
            timeout_seconds=9.0,
        )
    ).agent

    assert built.instructions == "Be brief."
    assert built.settings == ModelSettings(temperature=0.2, stop=("END",), seed=7, max_tokens=100)
    assert built.budget == replace(plain.budget, turns=3, cost_usd=Decimal("0.5"), seconds=9.0)
    assert plain.instructions == ""
    assert plain.settings == ModelSettings()


@pytest.mark.usefixtures("folder")
def test_instructions_are_added_after_those_of_the_agent() -> None:
    """The ready-made agent has some."""
    own = build_agent(AgentSelection()).agent.instructions
    more = build_agent(AgentSelection(instructions="Be brief.")).agent.instructions

    assert own
    assert more == f"{own}\n\nBe brief."


WRONG_SETTINGS = {
    "no value": ("temperature", "write NAME=VALUE with one of temperature, "),
    "an unknown name": ("heat=1", "write NAME=VALUE with one of temperature, "),
    "a wrong type": ("seed=high", "-o seed: Input should be a valid integer"),
}


@pytest.mark.parametrize(("word", "message"), WRONG_SETTINGS.values(), ids=WRONG_SETTINGS.keys())
def test_a_wrong_setting_is_an_error(word: str, message: str) -> None:
    """It names the setting."""
    with pytest.raises(ConfigError) as caught:
        read_settings([word])

    assert message in str(caught.value)


@pytest.mark.usefixtures("folder")
def test_a_key_is_not_sent_to_a_base_url_without_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --model the first provider with a key would be asked, at that address."""
    monkeypatch.setenv("OPENROUTER_API_KEY", "k")

    with pytest.raises(ConfigError, match="--base-url needs --model"):
        build_agent(AgentSelection(base_url="http://127.0.0.1:9/v1"))


@pytest.mark.usefixtures("folder")
def test_a_key_can_be_named_for_a_base_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the variable that holds it."""
    monkeypatch.setenv("GATEWAY_KEY", "k-gateway")
    selection = AgentSelection(
        model="openrouter:m", base_url="https://gateway.example/v1", api_key_env="GATEWAY_KEY"
    )

    model = build_agent(selection).agent.model

    assert isinstance(model, ProviderModel)
    assert model.resolved.api_key is not None
    assert model.resolved.api_key.get_secret_value() == "k-gateway"
    with pytest.raises(ConfigError, match="NO_SUCH"):
        build_agent(replace(selection, api_key_env="NO_SUCH"))
