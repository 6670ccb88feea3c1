"""`agentkit keys` and `agentkit models`."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agentkit.cli.main import main
from agentkit.config.stored_keys import stored_places
from agentkit.config.user_files import read_user_models

KEY = "sk-geheim-123"
Shell = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """Return a function that runs a command line with a home of its own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setitem(sys.modules, "keyring", None)
    for variable in ("AGENTKIT_MODEL", "AGENTKIT_CATALOG", "GROQ_API_KEY"):
        monkeypatch.delenv(variable, raising=False)

    def run(*words: str, piped: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["agentkit", *words])
        monkeypatch.setattr(sys, "stdin", io.StringIO(piped))
        code = main()
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def test_a_key_is_stored_listed_and_removed(shell: Shell) -> None:
    """It is read from a pipe and never shown."""
    stored = shell("keys", "set", "groq", piped=f"{KEY}\n")
    listed = shell("keys", "list", "--json")
    table = shell("keys", "list")
    removed = shell("keys", "remove", "groq")
    again = shell("keys", "remove", "groq")

    assert stored[0] == listed[0] == table[0] == removed[0] == 0
    assert {"provider": "groq", "source": "a stored key", "stored_in": "file"} in json.loads(
        listed[1]
    )
    assert "groq" in table[1]
    assert again[0] == 1
    assert KEY not in "".join(str(each) for each in (stored, listed, table, removed, again))


@pytest.mark.parametrize("piped", ["", "\n", "two words\n"])
def test_an_invalid_key_is_not_stored(shell: Shell, piped: str) -> None:
    """An empty line, or one with a space in it."""
    code, _, err = shell("keys", "set", "groq", piped=piped)

    assert code == 2
    assert err.startswith("agentkit: ")
    assert stored_places() == {}


def test_a_default_and_aliases_are_kept(shell: Shell) -> None:
    """Until they are removed."""
    shell("models", "default", "ollama:qwen3")
    shell("models", "alias", "fast", "vllm:m")
    models = read_user_models()

    assert (models.default, dict(models.aliases)) == ("ollama:qwen3", {"fast": "vllm:m"})
    assert "fast = vllm:m" in shell("models", "alias")[2]
    assert "ollama:qwen3 (your default)" in shell("models", "default")[2]
    shell("models", "default", "none")
    shell("models", "alias", "fast")
    assert read_user_models().default is None
    assert read_user_models().aliases == {}


def test_the_models_of_a_provider_are_listed_as_it_lists_them(shell: Shell) -> None:
    """The sandbox is started for that, and lists its model."""
    code, out, _ = shell("models", "sandbox", "--json")

    (facts,) = json.loads(out)
    assert code == 0
    assert facts["provider"] == "sandbox"
    assert "mixtral-8x22b" in facts["listed_ids"]


def test_a_provider_that_cannot_be_asked_shows_the_catalog(shell: Shell) -> None:
    """With the reason."""
    code, out, err = shell("models", "openrouter", "--api-key-env", "NO_SUCH_VARIABLE")

    assert code == 0
    assert "openrouter:mixtral-8x22b" in out
    assert "The provider's own list is not shown: " in err
