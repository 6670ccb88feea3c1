"""A user's own choice of models."""

from pathlib import Path

import pytest

from agentkit.config.load import default_model, resolve_model
from agentkit.config.user_files import UserModels, read_user_models, save_user_models
from agentkit.errors import ConfigError

CHOICE = UserModels(default="vllm:qwen", aliases={"fast": "vllm:mixtral-8x7b"})


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return an environment with a home of its own."""
    return {"XDG_CONFIG_HOME": str(tmp_path)}


def test_a_saved_choice_is_read_back(environ: dict[str, str]) -> None:
    """Without a file there is none."""
    assert read_user_models(environ) == UserModels()
    assert read_user_models({}) == UserModels()

    save_user_models(CHOICE, environ)

    assert read_user_models(environ) == CHOICE


def test_the_default_comes_before_keys_and_after_the_variable(environ: dict[str, str]) -> None:
    """The most specific setting counts."""
    save_user_models(CHOICE, environ)

    assert default_model(environ | {"OXEN_API_KEY": "k"}) == ("vllm:qwen", "your default")
    assert default_model(environ | {"AGENTKIT_MODEL": "vllm:x"})[0] == "vllm:x"


def test_an_alias_is_accepted_in_place_of_a_model(environ: dict[str, str]) -> None:
    """Wherever a model is named."""
    save_user_models(CHOICE, environ)

    resolved = resolve_model("fast", environ=environ)

    assert (resolved.name, resolved.model.family) == ("vllm:mixtral-8x7b", "mixtral-8x7b")


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"version": 2}', '{"version": 1, "default": 3, "aliases": {}}']
)
def test_a_damaged_file_is_an_error(environ: dict[str, str], text: str) -> None:
    """It names the file."""
    path = Path(environ["XDG_CONFIG_HOME"]) / "agentkit" / "models.json"
    path.parent.mkdir()
    path.write_text(text)

    with pytest.raises(ConfigError, match=r"models\.json is not a choice of models"):
        read_user_models(environ)
