"""Keys that a user has stored."""

import stat
import sys
import types
from pathlib import Path

import pytest

from agentkit.config.load import default_model, resolve_model
from agentkit.config.stored_keys import remove_key, store_key, stored_key, stored_places
from agentkit.errors import ConfigError

KEY = "sk-geheim-123"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return an environment with a home of its own."""
    return {"XDG_CONFIG_HOME": str(tmp_path)}


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    """Install a package `keyring` that keeps keys in a dictionary."""
    kept: dict[tuple[str, str], str] = {}

    class Backend:
        """A keyring that works."""

        priority = 5

    module = types.ModuleType("keyring")
    functions = {
        "get_keyring": Backend,
        "get_password": lambda service, name: kept.get((service, name)),
        "set_password": lambda service, name, key: kept.__setitem__((service, name), key),
        "delete_password": lambda service, name: kept.pop((service, name)),
    }
    for name, function in functions.items():
        setattr(module, name, function)
    monkeypatch.setitem(sys.modules, "keyring", module)
    return kept


@pytest.fixture
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the package `keyring` be missing."""
    monkeypatch.setitem(sys.modules, "keyring", None)


@pytest.mark.usefixtures("no_keyring")
def test_without_a_keyring_a_private_file_holds_the_key(environ: dict[str, str]) -> None:
    """Only its owner can read it, also after a second key."""
    assert store_key("groq", KEY, environ) == "file"
    assert store_key("oxen", "other", environ) == "file"

    path = Path(environ["XDG_CONFIG_HOME"]) / "agentkit" / "keys.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["keys.json"]
    assert stored_key("groq", environ) == KEY
    assert stored_places(environ) == {"groq": "file", "oxen": "file"}


def test_a_keyring_holds_the_key_and_the_file_only_its_name(
    environ: dict[str, str], keyring: dict[tuple[str, str], str]
) -> None:
    """So that the keyring is not queried for keys it does not have."""
    assert store_key("groq", KEY, environ) == "keyring"

    path = Path(environ["XDG_CONFIG_HOME"]) / "agentkit" / "keys.json"
    assert KEY not in path.read_text()
    assert keyring == {("agentkit", "groq"): KEY}
    assert stored_key("groq", environ) == KEY
    assert stored_places(environ) == {"groq": "keyring"}
    assert remove_key("groq", environ)
    assert keyring == {}


@pytest.mark.usefixtures("no_keyring")
def test_a_removed_key_is_gone(environ: dict[str, str]) -> None:
    """Removing it twice is not an error."""
    store_key("groq", KEY, environ)

    assert remove_key("groq", environ)
    assert not remove_key("groq", environ)
    assert stored_key("groq", environ) is None


def test_a_key_in_a_missing_keyring_is_an_error(
    environ: dict[str, str],
    keyring: dict[tuple[str, str], str],  # noqa: ARG001 - installs it
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The message names what to do; the run does not continue without a key."""
    store_key("groq", KEY, environ)
    monkeypatch.setitem(sys.modules, "keyring", None)

    with pytest.raises(ConfigError, match="agentkit keys set groq"):
        stored_key("groq", environ)


@pytest.mark.parametrize("priority", [0, -1], ids=["fail", "null"])
def test_a_keyring_that_stores_nothing_is_not_used(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, priority: int
) -> None:
    """The package has such backends where the system has no keyring."""
    module = types.ModuleType("keyring")
    module.get_keyring = type("Backend", (), {"priority": priority})  # type: ignore[attr-defined]  # a stand-in
    module.set_password = None  # type: ignore[attr-defined]  # must not be called
    monkeypatch.setitem(sys.modules, "keyring", module)

    assert store_key("groq", KEY, environ) == "file"


def test_a_keyring_that_fails_is_an_error(
    environ: dict[str, str],
    keyring: dict[tuple[str, str], str],  # noqa: ARG001 - installs it
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In one line, without the key."""

    def locked(*_: str) -> None:
        raise RuntimeError("the collection is locked")

    monkeypatch.setattr(sys.modules["keyring"], "set_password", locked)

    with pytest.raises(ConfigError, match="The system's keyring failed: RuntimeError") as caught:
        store_key("groq", KEY, environ)
    assert KEY not in str(caught.value)


@pytest.mark.usefixtures("no_keyring")
def test_a_file_that_others_can_read_is_rejected(environ: dict[str, str]) -> None:
    """As ssh does; the message names the command to run."""
    store_key("groq", KEY, environ)
    path = Path(environ["XDG_CONFIG_HOME"]) / "agentkit" / "keys.json"
    path.chmod(0o644)

    with pytest.raises(ConfigError, match="chmod 600"):
        stored_key("groq", environ)


DAMAGED = {
    "not JSON": '{"version": 1, "keys": {"groq": "sk-geheim-123"',
    "another version": '{"version": 2, "keys": {"groq": "sk-geheim-123"}}',
    "a number": '{"version": 1, "keys": {"groq": 123}, "x": "sk-geheim-123"}',
    "a list": '["sk-geheim-123"]',
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_file_is_an_error_without_its_content(environ: dict[str, str], text: str) -> None:
    """A message may be logged, so it does not quote the file."""
    path = Path(environ["XDG_CONFIG_HOME"]) / "agentkit" / "keys.json"
    path.parent.mkdir()
    path.touch(mode=0o600)
    path.write_text(text)

    with pytest.raises(ConfigError, match="is not a list of keys") as caught:
        stored_key("groq", environ)
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None


def test_without_a_home_there_are_no_stored_keys() -> None:
    """Reading finds none; storing is an error."""
    assert stored_key("groq", {}) is None
    with pytest.raises(ConfigError, match="set XDG_CONFIG_HOME or HOME"):
        store_key("groq", KEY, {})


@pytest.mark.usefixtures("no_keyring")
def test_a_link_in_place_of_the_file_is_replaced_and_not_followed(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """Another program must not be able to have the key written elsewhere."""
    folder = tmp_path / "agentkit"
    folder.mkdir()
    target = tmp_path / "target"
    target.write_text("")
    (folder / "keys.json").symlink_to(target)
    target.chmod(0o600)
    target.write_text('{"version": 1, "keys": {}}')

    store_key("groq", KEY, environ)

    assert KEY not in target.read_text()
    assert not (folder / "keys.json").is_symlink()


@pytest.mark.usefixtures("no_keyring")
def test_a_stored_key_is_used_for_its_provider_only(environ: dict[str, str]) -> None:
    """At the provider's own address; a variable overrides it."""
    store_key("openrouter", KEY, environ)
    own = resolve_model("openrouter:m", environ=environ)
    by_variable = resolve_model("openrouter:m", environ=environ | {"OPENROUTER_API_KEY": "other"})

    assert own.api_key is not None
    assert own.api_key.get_secret_value() == KEY
    assert by_variable.api_key is not None
    assert by_variable.api_key.get_secret_value() == "other"
    assert default_model(environ) == ("openrouter:mixtral-8x22b", "its key is stored")
    with pytest.raises(ConfigError, match="The stored key is sent to OpenRouter only") as caught:
        resolve_model("openrouter:m", environ=environ, base_url="https://evil.example/v1")
    assert KEY not in str(caught.value)
