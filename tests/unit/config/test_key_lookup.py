"""Where a key may be sent: from a variable to its provider's origin, an explicit one anywhere."""

from pathlib import Path

import pytest

from agentkit.config.load import resolve_model
from agentkit.errors import ConfigError

KEY = "sk-secret-123"
EXPLICIT = "sk-explicit-9"


@pytest.mark.parametrize(
    "base_url",
    [
        "https://openrouter.ai/api/v1",
        "https://openrouter.ai/api/v2",
        "https://OpenRouter.ai:443/other",
    ],
)
def test_a_key_of_a_variable_goes_to_any_path_of_the_providers_own_origin(base_url: str) -> None:
    """An origin is scheme, host and port."""
    found = resolve_model(
        "openrouter:mixtral-8x22b", environ={"OPENROUTER_API_KEY": KEY}, base_url=base_url
    )

    assert found.api_key is not None
    assert found.api_key.get_secret_value() == KEY


FOREIGN = [
    "http://openrouter.ai/api/v1",
    "https://openrouter.ai:8443/api/v1",
    "https://openrouter.ai.example/api/v1",
    "https://eu.openrouter.ai/api/v1",
    "http://127.0.0.1:8000/v1",
    "http://[::1]:8000/v1",
]


@pytest.mark.parametrize("base_url", FOREIGN)
@pytest.mark.parametrize("from_environment", [False, True], ids=["given", "environment"])
def test_a_key_of_a_variable_goes_to_no_other_origin(base_url: str, from_environment: bool) -> None:
    """Neither to another host name, port or scheme, nor over plain HTTP; the error shows no key."""
    environ = {"OPENROUTER_API_KEY": KEY}
    if from_environment:
        environ["AGENTKIT_OPENROUTER_BASE_URL"] = base_url

    with pytest.raises(ConfigError) as caught:
        resolve_model(
            "openrouter:mixtral-8x22b",
            environ=environ,
            base_url=None if from_environment else base_url,
        )

    said = str(caught.value)
    assert "OPENROUTER_API_KEY is sent to OpenRouter only (https://openrouter.ai)" in said
    assert "api_key= (--api-key-env OPENROUTER_API_KEY)" in said
    assert base_url.removesuffix("/api/v1").removesuffix("/v1") in said
    assert KEY not in said


@pytest.mark.parametrize("base_url", FOREIGN)
def test_an_explicit_key_goes_to_the_base_url_that_is_given_with_it(base_url: str) -> None:
    """The caller gave both."""
    found = resolve_model(
        "openrouter:mixtral-8x22b",
        environ={"OPENROUTER_API_KEY": KEY},
        api_key=EXPLICIT,
        base_url=base_url,
    )

    assert found.api_key is not None
    assert found.api_key.get_secret_value() == EXPLICIT


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("vllm:mixtral-8x22b", "VLLM_API_KEY"),
        ("openai-compatible:m", "OPENAI_COMPATIBLE_API_KEY"),
    ],
)
def test_the_key_of_a_local_server_goes_to_its_address(name: str, variable: str) -> None:
    """Its variable belongs to no origin: the program runs wherever the user starts it."""
    found = resolve_model(name, environ={variable: KEY}, base_url="https://gpu.example/v1")

    assert found.api_key is not None
    assert found.api_key.get_secret_value() == KEY


def test_the_variable_of_a_users_profile_goes_to_its_base_url(tmp_path: Path) -> None:
    """The profile names both."""
    path = tmp_path / "catalog.toml"
    path.write_text(
        "[office]\nbase_url = 'http://llm.office.example/v1'\nauth.env = ['OFFICE_KEY']\n"
    )
    environ = {"AGENTKIT_CATALOG": str(path), "OFFICE_KEY": KEY}

    found = resolve_model("office:m", environ=environ)
    with pytest.raises(ConfigError, match=r"only \(http://llm\.office\.example\)"):
        resolve_model("office:m", environ=environ, base_url="http://elsewhere.example/v1")

    assert found.api_key is not None
    assert found.api_key.get_secret_value() == KEY


def test_a_provider_that_needs_no_key_is_called_without_it_elsewhere(tmp_path: Path) -> None:
    """The run goes on; the key stays."""
    path = tmp_path / "catalog.toml"
    path.write_text(
        "[office]\nbase_url = 'https://llm.office.example/v1'\n"
        "auth = { env = ['OFFICE_KEY'], is_required = false }\n"
    )
    environ = {"AGENTKIT_CATALOG": str(path), "OFFICE_KEY": KEY}

    found = resolve_model("office:m", environ=environ, base_url="https://elsewhere.example/v1")

    assert found.api_key is None
