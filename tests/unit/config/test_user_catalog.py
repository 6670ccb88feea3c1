"""A user's own catalog: its path, and how it is edited."""

import os
import stat
import tomllib
from pathlib import Path

import pytest

from agentkit.config.load import read_catalog, resolve_model, user_catalog_path
from agentkit.config.user_catalog import edit_catalog, format_table, save_catalog
from agentkit.errors import ConfigError

TABLE = {"accepts": {"is_strict": True, "tool_choice": ["auto"]}, "base_url": "http://b/v1"}
OLD = """\
# mine
[vllm]   # why
base_url = "http://a:1/v1" # keep

[vllm.models]
mixtral-8x22b = "x/y"

[other]
base_url='http://o'
auth = {is_required=false}

[vllm.accepts]
is_strict = false
# the end
"""


def test_the_rest_of_the_file_is_unchanged(tmp_path: Path) -> None:
    """Its comments, order and format."""
    path = tmp_path / "c.toml"
    path.write_text(OLD)

    new = edit_catalog(path, provider="vllm", table=TABLE)

    assert new.splitlines()[:3] == ["# mine", "[vllm]   # why", 'base_url = "http://b/v1" # keep']
    assert "base_url='http://o'\nauth = {is_required=false}\n" in new
    assert "# the end" in new
    found = tomllib.loads(new)
    assert found["vllm"]["accepts"] == {"is_strict": True, "tool_choice": ["auto"]}
    assert path.read_text() == OLD


def test_a_model_that_is_only_an_id_keeps_it(tmp_path: Path) -> None:
    """It becomes a table with that id."""
    path = tmp_path / "c.toml"
    path.write_text(OLD)

    new = edit_catalog(
        path, provider="vllm", table={"models": {"mixtral-8x22b": {"context_window_tokens": 5}}}
    )

    assert tomllib.loads(new)["vllm"]["models"] == {
        "mixtral-8x22b": {"id": "x/y", "context_window_tokens": 5}
    }


def test_an_inline_table_is_extended(tmp_path: Path) -> None:
    """As is one in dotted keys."""
    path = tmp_path / "c.toml"
    path.write_text(OLD + "\n[third]\nauth.is_required = false\n")

    new = edit_catalog(path, provider="other", table={"auth": {"env": ["X"]}})
    path.write_text(new)
    new = edit_catalog(path, provider="third", table={"auth": {"env": ["Y"]}})

    assert tomllib.loads(new)["other"]["auth"] == {"is_required": False, "env": ["X"]}
    assert tomllib.loads(new)["third"]["auth"] == {"is_required": False, "env": ["Y"]}


def test_a_new_file_begins_with_a_comment(tmp_path: Path) -> None:
    """And can be read as a catalog."""
    path = tmp_path / "deep" / "er" / "c.toml"

    save_catalog(path, edit_catalog(path, provider="mine", table=TABLE))

    assert path.read_text().startswith("# Your own providers")
    assert "[mine]\n" in path.read_text()
    assert read_catalog({"AGENTKIT_CATALOG": str(path)})["mine"].accepts.is_strict


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"[a\n", "not TOML"), (b"\xff", "cannot be read")],
    ids=["no TOML", "no text"],
)
def test_a_file_that_is_not_a_catalog_is_not_edited(
    content: bytes, why: str, tmp_path: Path
) -> None:
    """The error names it."""
    path = tmp_path / "c.toml"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match=why):
        edit_catalog(path, provider="mine", table=TABLE)


def test_a_value_that_toml_does_not_have_is_refused(tmp_path: Path) -> None:
    """Before anything is written; the error names what to do."""
    with pytest.raises(ConfigError, match="by hand"):
        edit_catalog(tmp_path / "c.toml", provider="mine", table={"accepts": {"seed_field": None}})


def test_an_edit_that_reads_back_differently_is_refused(tmp_path: Path) -> None:
    """Such as a NaN, which is not equal to itself."""
    with pytest.raises(ConfigError, match="by hand"):
        edit_catalog(tmp_path / "c.toml", provider="mine", table={"a": float("nan")})


def test_a_text_that_is_not_a_catalog_is_not_saved(tmp_path: Path) -> None:
    """The old file stays, and no temporary file is left."""
    path = tmp_path / "c.toml"
    path.write_text(OLD)

    with pytest.raises(ConfigError, match=r"not written.*c\.toml: \[mine\] colour"):
        save_catalog(path, "[mine]\ncolour = 'red'\n")

    assert path.read_text() == OLD
    assert list(tmp_path.iterdir()) == [path]


def test_a_path_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """A file is in the place of a folder."""
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="cannot be written"):
        save_catalog(tmp_path / "file" / "c.toml", "")


def test_links_and_permissions_of_the_file_are_kept(tmp_path: Path) -> None:
    """Users keep such files elsewhere."""
    real = tmp_path / "real.toml"
    real.write_text(OLD)
    real.chmod(0o600)
    link = tmp_path / "c.toml"
    link.symlink_to(real)

    save_catalog(link, edit_catalog(link, provider="vllm", table=TABLE))

    assert link.is_symlink()
    assert "http://b/v1" in real.read_text()
    assert stat.S_IMODE(os.stat(real).st_mode) == 0o600  # noqa: PTH116 - follows no link


def test_a_table_is_formatted_alone() -> None:
    """As `--dry-run` prints it."""
    assert format_table("mine", {"models": {"a.b": {"id": "a.b"}}, "title": "T"}) == (
        '[mine]\ntitle = "T"\n\n[mine.models."a.b"]\nid = "a.b"\n'
    )


PLACES = {
    "named": ({"AGENTKIT_CATALOG": "/x/c.toml", "HOME": "/h"}, "/x/c.toml"),
    "config home": ({"XDG_CONFIG_HOME": "/x", "HOME": "/h"}, "/x/agentkit/catalog.toml"),
    "a config home that does not count": (
        {"XDG_CONFIG_HOME": "x", "HOME": "/h"},
        "/h/.config/agentkit/catalog.toml",
    ),
    "home": ({"HOME": "/h"}, "/h/.config/agentkit/catalog.toml"),
    "Windows": ({"APPDATA": "/a", "HOME": "/h"}, "/a/agentkit/catalog.toml"),
}


@pytest.mark.parametrize(("environ", "path"), PLACES.values(), ids=PLACES)
def test_the_path_follows_from_the_environment(environ: dict[str, str], path: str) -> None:
    """The first variable that is set counts."""
    assert user_catalog_path(environ) == Path(path)


def test_without_a_home_folder_there_is_no_path() -> None:
    """Nor is anything read."""
    assert user_catalog_path({}) is None
    assert "openrouter" in read_catalog({})


def test_the_file_at_the_default_path_is_read_if_it_exists(tmp_path: Path) -> None:
    """The file that `doctor` wrote is used without a setting; a file that is named must exist."""
    environ = {"HOME": str(tmp_path)}
    before = resolve_model("vllm:mixtral-8x22b", environ=environ)
    path = user_catalog_path(environ)
    assert path is not None
    save_catalog(path, edit_catalog(path, provider="vllm", table=TABLE))

    after = resolve_model("vllm:mixtral-8x22b", environ=environ)

    assert before.provider.base_url == "http://localhost:8000/v1"
    assert after.provider.base_url == "http://b/v1"
    with pytest.raises(ConfigError, match="cannot be read"):
        read_catalog({**environ, "AGENTKIT_CATALOG": str(tmp_path / "none.toml")})
