"""What is known of a model by its name."""

import re

import pytest

from agentkit.config.catalog import load_catalog
from agentkit.config.families import (
    FAMILIES_FILE,
    find_family,
    load_families,
    model_of_family,
)
from agentkit.config.load import resolve_model


@pytest.mark.parametrize(
    "model_id",
    [
        "mixtral-8x22b",
        "mixtral:8x22b",
        "open-mixtral-8x22b-2404",
        "mistralai/Mixtral-8x22B-Instruct-v0.1",
        "mistralai-mixtral-8x22b-instruct",
        "accounts/fireworks/models/mixtral-8x22b-instruct",
        "/weights/MIXTRAL_8X22B.Q4_K_M.gguf",
        "Mistral-7B-Instruct-v0.3",
        "codestral-latest",
        "ministral-8b",
    ],
)
def test_the_mistral_family_is_known_in_any_form_of_its_name(model_id: str) -> None:
    """Rules follow the model, whatever a provider calls it."""
    assert find_family(model_id).rules == "mistral"


@pytest.mark.parametrize("model_id", ["gpt-4o", "llama-3.1-70b", "qwen2.5:7b", "claude-3", ""])
def test_other_models_are_not_of_the_mistral_family(model_id: str) -> None:
    """Their conversations do not need the rules of Mistral's models."""
    assert find_family(model_id).rules != "mistral"


IDS = {
    "mistralai/Mixtral-8x22B-Instruct-v0.1": "mixtral-8x22b",
    "open-mixtral-8x7b": "mixtral",
    "mistralai/Magistral-Small-2506": "magistral",
    "mistral-small-latest": "mistral",
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B": "deepseek-r1",
    "deepseek-ai/DeepSeek-V3.1": "deepseek",
    "qwen/qwen3-coder:free": "qwen3-long",
    "Qwen/Qwen3-235B-A22B-Thinking-2507": "qwen3-thinking",
    "qwen3:32b": "qwen3",
    "qwen2.5:7b": "qwen",
    "meta-llama/Llama-4-Scout-17B-16E-Instruct": "llama-4",
    "@cf/meta/llama-3.3-70b-instruct-fp8-fast": "llama-3.1",
    "llama-3.1-8b-instant": "llama-3.1",
    "meta-llama/Meta-Llama-3-70B-Instruct": "llama-3",
    "openai/gpt-oss-120b": "gpt-oss",
    "zai-org/GLM-4.6": "glm",
    "moonshotai/Kimi-K2-Instruct": "kimi",
    "moonshotai/kimi-k2-thinking": "kimi-thinking",
    "MiniMaxAI/MiniMax-M2": "minimax",
    "google/gemma-3-27b-it": "gemma",
    "gemma2:9b": "gemma-2",
    "microsoft/phi-4": "phi-4",
    "microsoft/Phi-4-reasoning-plus": "phi-4-reasoning",
    "openai/gpt-4.1-mini": "gpt-4.1",
    "o3-mini": "gpt-reasoning",
    "openai/gpt-5-mini": "gpt-reasoning",
    "claude-sonnet-4-5": "claude",
    "gemini-2.5-pro": "gemini",
    "grok-4-fast": "grok-4",
}


@pytest.mark.parametrize(("model_id", "family"), IDS.items())
def test_a_model_is_of_the_first_family_that_fits(model_id: str, family: str) -> None:
    """In any provider's notation of its name."""
    assert find_family(model_id) is load_families()[family]


def test_each_family_names_its_source_and_what_is_not_confirmed() -> None:
    """A link after its name, and (U) after its facts; those of Mixtral are confirmed."""
    text = FAMILIES_FILE.read_text(encoding="utf-8")
    blocks = re.split(r"^(?=\[)", text, flags=re.MULTILINE)[1:]

    assert len(blocks) == len(load_families())
    for block in blocks:
        name, *lines = block.splitlines()
        assert re.match(r"\[[a-z0-9.-]+\] # https://|\[\".*\"\] # https://", name), name
        facts = [line for line in lines if re.match("context|reasoning|tool_choice", line)]
        assert "mixtral" in name or all("(U)" in line for line in facts), block


def test_a_model_that_no_catalog_holds_has_the_facts_of_its_family() -> None:
    """They follow from the model, at any provider."""
    model = resolve_model("vllm:Qwen/Qwen3-32B", environ={}).model

    assert model == model_of_family("Qwen/Qwen3-32B")
    assert (model.rules, model.reasoning, model.context_window_tokens) == ("plain", "tags", 32768)


def test_a_row_of_a_provider_comes_before_the_family() -> None:
    """And the context window of a row is that of the provider."""
    groq = resolve_model("github-models:gpt-4.1-mini", environ={}, api_key="k" * 8).model
    local = resolve_model("llamacpp:mixtral-8x22b", environ={}).model

    assert groq.context_window_tokens == 8000
    assert (local.rules, local.context_window_tokens) == ("mistral", None)


@pytest.mark.parametrize(
    ("name", "forms"),
    [
        ("vllm:zai-org/GLM-4.6", {"auto", "none"}),
        ("ollama:kimi-k2", {"auto", "none"}),
        ("nvidia:deepseek-ai/deepseek-r1", set()),
        ("mistral:magistral-small", {"auto", "any", "none"}),
        ("vllm:google/gemma-3-27b-it", {"auto", "required", "none", "named"}),
    ],
)
def test_a_tool_choice_is_one_that_both_the_model_and_its_provider_take(
    name: str, forms: set[str]
) -> None:
    """Other choices are checked in the answer."""
    resolved = resolve_model(name, environ={}, api_key="k" * 8)

    assert resolved.provider.accepts.tool_choice == forms


def test_the_catalog_has_reasoning_models_of_several_families() -> None:
    """Rows get what their family says."""
    found = {
        model.family: model.reasoning
        for provider in load_catalog().values()
        for model in provider.models
    }

    assert found["mixtral-8x22b"] == "none"
    assert found["qwen3-32b"] == "tags"
    assert found["gpt-oss-120b"] == "separate"
