"""From a model's name and an environment to everything needed to open it."""

import os
import pickle
import re
from pathlib import Path

import pytest

from agentkit.config.load import (
    ResolvedModel,
    base_url_variable,
    default_model,
    find_key,
    read_catalog,
    resolve_model,
)
from agentkit.errors import ConfigError

KEY = "sk-geheim-123"


@pytest.mark.parametrize(
    ("name", "model_id"),
    [
        ("openrouter:mixtral-8x22b", "mistralai/mixtral-8x22b-instruct"),
        ("openrouter:mistralai/mixtral-8x22b-instruct", "mistralai/mixtral-8x22b-instruct"),
        ("openrouter:mixtral-8x22b-instruct", "mistralai/mixtral-8x22b-instruct"),
        ("mistral:open-mixtral-8x22b", "open-mixtral-8x22b"),
        ("mistral:open-mixtral-8x22b-2404", "open-mixtral-8x22b-2404"),
        ("together:mistralai/mixtral-8x22b-instruct-v0.1", "mistralai/Mixtral-8x22B-Instruct-v0.1"),
        ("ollama:mixtral:8x22b", "mixtral:8x22b"),
        (" OpenRouter : mixtral-8x22b ", "mistralai/mixtral-8x22b-instruct"),
    ],
)
def test_a_family_an_id_and_an_alias_find_the_same_model(name: str, model_id: str) -> None:
    """The request always has the provider's own id."""
    resolved = resolve_model(name, environ={}, api_key=KEY)

    assert resolved.model.id == model_id
    assert resolved.model.family.startswith("mixtral-8x22b")
    assert resolved.name == name.strip()


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("vllm:/weights/Mixtral-8x22B", "mistral"),
        ("vllm:qwen2.5-72b", "plain"),
        ("local:~/Mixtral.Q4_K_M.gguf", "mistral"),
    ],
)
def test_an_id_that_the_catalog_does_not_hold_is_sent_as_it_is(name: str, rules: str) -> None:
    """Its rules follow from the name."""
    resolved = resolve_model(name, environ={})

    wanted = name.partition(":")[2]
    assert (resolved.model.family, resolved.model.id) == (wanted, wanted)
    assert resolved.model.rules == rules


def test_an_exact_id_comes_before_a_similar_one(tmp_path: Path) -> None:
    """Two models may differ in capitals alone."""
    path = tmp_path / "providers.toml"
    path.write_text("[a]\nbase_url='http://a'\nauth={is_required=false}\n[a.models]\nM='1'\nm='2'")

    resolved = resolve_model("a:m", environ={"AGENTKIT_CATALOG": str(path)})

    assert resolved.model.id == "2"


def test_the_key_comes_from_the_first_variable_that_is_set() -> None:
    """White space around it, as left by a file, is not part of it."""
    environ = {"AIMLAPI_API_KEY": " ", "AIMLAPI_KEY": f" {KEY}\n"}

    resolved = resolve_model("aimlapi:mixtral-8x22b", environ=environ)

    assert resolved.api_key is not None
    assert resolved.api_key.get_secret_value() == KEY


def test_an_explicit_key_comes_before_that_of_the_environment() -> None:
    """The caller gave it on purpose."""
    resolved = resolve_model("oxen:mixtral-8x22b", environ={"OXEN_API_KEY": "other"}, api_key=KEY)

    assert resolved.api_key is not None
    assert resolved.api_key.get_secret_value() == KEY


def test_the_key_shows_in_no_form_of_a_resolved_model() -> None:
    """Values end in logs and tracebacks."""
    resolved = resolve_model("oxen:mixtral-8x22b", environ={}, api_key=KEY)

    assert KEY not in f"{resolved} {resolved!r} {resolved.api_key} {resolved.api_key!r}"
    assert pickle.loads(pickle.dumps(resolved)) == resolved


def test_a_missing_key_is_one_line_with_the_variable_and_where_to_get_one() -> None:
    """The user needs nothing else to go on."""
    with pytest.raises(ConfigError) as caught:
        resolve_model("openrouter:mixtral-8x22b", environ={})

    assert str(caught.value) == (
        "There is no key for OpenRouter ('openrouter'): set OPENROUTER_API_KEY, or run "
        "'agentkit keys set openrouter'; get one at https://openrouter.ai/keys."
    )


def test_an_explicit_empty_key_is_not_replaced_by_another() -> None:
    """An unset variable in the caller's code must not select another key."""
    with pytest.raises(ConfigError, match="There is an empty api_key for Oxen"):
        resolve_model("oxen:mixtral-8x22b", environ={"OXEN_API_KEY": KEY}, api_key=" ")


def test_a_provider_without_a_variable_requires_an_explicit_key(tmp_path: Path) -> None:
    """A provider of the user's own may name none."""
    path = tmp_path / "providers.toml"
    path.write_text("[a]\nbase_url='http://a'\n")

    with pytest.raises(ConfigError, match=r"no key for a \('a'\): give api_key=, or run"):
        resolve_model("a:m", environ={"AGENTKIT_CATALOG": str(path)})


@pytest.mark.parametrize("key", ["a b", "a\nb", "schlüssel", "a\x00"])
def test_a_key_that_no_header_can_carry_is_refused_with_its_variable(key: str) -> None:
    """The HTTP client would fail later, with the key in its message."""
    with pytest.raises(ConfigError, match="OXEN_API_KEY holds a space or a character") as caught:
        resolve_model("oxen:mixtral-8x22b", environ={"OXEN_API_KEY": key})

    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "provider",
    [
        *("vllm", "vllm-completions", "sglang", "tgi", "mlx", "llamacpp", "llamacpp-anthropic"),
        *("llamacpp-completions", "local", "local-completions", "ollama", "lmstudio", "sandbox"),
    ],
)
def test_a_local_provider_needs_no_key(provider: str) -> None:
    """It runs on this machine."""
    assert resolve_model(f"{provider}:mixtral-8x22b", environ={}).api_key is None


def test_a_local_provider_gets_a_key_that_is_given() -> None:
    """A server may have been started with one."""
    resolved = resolve_model("vllm:mixtral-8x22b", environ={"VLLM_API_KEY": KEY})

    assert resolved.api_key is not None


def test_a_provider_that_takes_no_key_gets_none() -> None:
    """A key that is not sent cannot be disclosed."""
    assert resolve_model("sandbox:mixtral-8x22b", environ={}, api_key=KEY).api_key is None


def test_an_unknown_provider_gets_three_suggestions() -> None:
    """The closest ones first; most mistakes are typing errors."""
    with pytest.raises(ConfigError) as caught:
        resolve_model("openroutr:mixtral-8x22b", environ={})

    message = str(caught.value)
    assert "'openroutr:mixtral-8x22b' begins with no known provider" in message
    names = re.search("Similar are ([^;]*);", message)
    assert names is not None
    assert names[1].split(", ")[0] == "openrouter"
    assert len(names[1].split(", ")) == 3
    assert "openai-compatible:MODEL-ID" in message


@pytest.mark.parametrize("name", ["mixtral-8x22b", "", ":mixtral-8x22b"])
def test_the_error_for_a_name_without_a_provider_shows_the_format(name: str) -> None:
    """A model alone does not name its provider."""
    with pytest.raises(ConfigError, match="write provider:model, "):
        resolve_model(name, environ={})


@pytest.mark.parametrize("name", ["openrouter", "openrouter:", " OpenRouter "])
def test_a_provider_alone_means_its_default_model(name: str) -> None:
    """So that a provider that `agentkit doctor --save-as` wrote can be used by its name."""
    resolved = resolve_model(name, environ={"OPENROUTER_API_KEY": KEY})

    assert resolved.name == "openrouter:mixtral-8x22b"
    assert resolved.model.family == "mixtral-8x22b"


def test_a_provider_without_known_models_needs_a_model() -> None:
    """The message shows how to write it."""
    with pytest.raises(ConfigError, match="write 'openai-compatible:MODEL-ID'"):
        resolve_model("openai-compatible:", environ={})


@pytest.mark.parametrize(
    ("base_url", "environ", "expected"),
    [
        (None, {}, "http://localhost:8000/v1"),
        (None, {"AGENTKIT_VLLM_BASE_URL": "http://gpu:9/v1/"}, "http://gpu:9/v1"),
        ("http://hand:1", {"AGENTKIT_VLLM_BASE_URL": "http://gpu:9/v1"}, "http://hand:1"),
    ],
    ids=["catalog", "environment", "hand"],
)
def test_an_explicit_address_comes_before_the_environment_and_the_catalog(
    base_url: str | None, environ: dict[str, str], expected: str
) -> None:
    """The most specific setting counts."""
    resolved = resolve_model("vllm:mixtral-8x22b", environ=environ, base_url=base_url)

    assert resolved.provider.base_url == expected


def test_a_provider_at_a_given_address_is_not_started() -> None:
    """It is running already."""
    resolved = resolve_model("sandbox:mixtral-8x22b", environ={}, base_url="http://127.0.0.1:9")

    assert resolved.provider.launcher is None


@pytest.mark.parametrize(
    ("base_url", "complaint"),
    [("", "base_url is empty"), ("gpu:9", "base_url cannot be used: 'gpu:9' is not a base URL")],
)
def test_an_invalid_address_is_refused(base_url: str, complaint: str) -> None:
    """It would fail later, less clearly."""
    with pytest.raises(ConfigError, match=complaint):
        resolve_model("vllm:mixtral-8x22b", environ={}, base_url=base_url)


def test_an_invalid_address_of_the_environment_is_reported_with_its_variable() -> None:
    """A user must know where it comes from."""
    with pytest.raises(ConfigError, match="AGENTKIT_VLLM_BASE_URL cannot be used"):
        resolve_model("vllm:mixtral-8x22b", environ={"AGENTKIT_VLLM_BASE_URL": "gpu:9"})


def test_any_openai_compatible_provider_works_with_an_address() -> None:
    """Its model is sent as it is."""
    resolved = resolve_model(
        "openai-compatible:my/mixtral", environ={}, base_url="https://llm.example/v1"
    )

    assert resolved.provider.base_url == "https://llm.example/v1"
    assert (resolved.model.id, resolved.model.rules) == ("my/mixtral", "mistral")


def test_an_openai_compatible_provider_without_an_address_is_an_error() -> None:
    """It has no default."""
    with pytest.raises(ConfigError, match="set AGENTKIT_OPENAI_COMPATIBLE_BASE_URL"):
        resolve_model("openai-compatible:x", environ={})


def test_the_variable_of_a_provider_is_its_name_in_capitals() -> None:
    """Characters that no variable may hold become an underscore."""
    assert base_url_variable("my-provider.2") == "AGENTKIT_MY_PROVIDER_2_BASE_URL"


@pytest.mark.parametrize(
    ("environ", "name", "why"),
    [
        ({}, "sandbox:mixtral-8x22b", "no key of a known provider is set"),
        ({"OXEN_API_KEY": KEY}, "oxen:mixtral-8x22b", "OXEN_API_KEY is set"),
        ({"MODELSLAB_API_KEY": KEY}, "modelslab:mixtral-8x22b", "MODELSLAB_API_KEY is set"),
        ({"ANTHROPIC_API_KEY": KEY}, "sandbox:mixtral-8x22b", "no key of a known provider is set"),
        (
            {"MISTRAL_API_KEY": KEY, "OPENROUTER_API_KEY": KEY},
            "openrouter:mixtral-8x22b",
            "OPENROUTER_API_KEY is set",
        ),
        (
            {"AGENTKIT_MODEL": " vllm:x ", "OPENROUTER_API_KEY": KEY},
            "vllm:x",
            "AGENTKIT_MODEL names it",
        ),
        ({"VLLM_API_KEY": KEY}, "sandbox:mixtral-8x22b", "no key of a known provider is set"),
        ({"OXEN_API_KEY": "  "}, "sandbox:mixtral-8x22b", "no key of a known provider is set"),
    ],
    ids=[
        *("nothing", "one key", "a key of several forms", "a key for no Mixtral", "two keys"),
        *("named", "local key", "blank key"),
    ],
)
def test_the_default_model_is_the_one_named_else_the_first_with_a_key_else_the_sandbox(
    environ: dict[str, str], name: str, why: str
) -> None:
    """With the reason."""
    assert default_model(environ) == (name, why)


def test_a_provider_without_listed_models_is_not_a_default(tmp_path: Path) -> None:
    """There is no model to use; one with a default model is used with that."""
    path = tmp_path / "providers.toml"
    path.write_text("[a.auth]\nenv=['A_KEY']\n[b.auth]\nenv=['B_KEY']\n[b.models]\nlarge='l-1'\n")
    environ = {"AGENTKIT_CATALOG": str(path), "A_KEY": KEY, "B_KEY": KEY}

    assert default_model(environ) == ("b:large", "B_KEY is set")


def test_the_catalog_of_the_environment_is_merged_into_the_built_in_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its path may begin with the home folder."""
    (tmp_path / "providers.toml").write_text("[campus]\n")
    monkeypatch.setenv("HOME", str(tmp_path))

    assert "campus" in read_catalog({"AGENTKIT_CATALOG": "~/providers.toml"})
    assert "campus" not in read_catalog({})


def test_without_an_environment_that_of_the_process_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every caller except a test wants that."""
    for variable in [name for name in os.environ if name.startswith("AGENTKIT_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("OXEN_API_KEY", KEY)
    monkeypatch.setenv("AGENTKIT_MODEL", "oxen:mixtral-8x22b")

    name, _ = default_model()
    resolved = resolve_model(name)

    assert isinstance(resolved, ResolvedModel)
    assert resolved.api_key == find_key(read_catalog()["oxen"])


def test_a_key_that_is_not_set_is_none() -> None:
    """A table of providers shows it as not set."""
    assert find_key(read_catalog({})["oxen"], {}) is None
