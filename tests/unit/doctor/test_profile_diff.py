"""From changed profiles to a catalog table, and back."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from agentkit.config.catalog import load_catalog
from agentkit.config.profile import Accepts, Auth, ModelProfile, ProviderProfile
from agentkit.config.user_catalog import edit_catalog
from agentkit.doctor.profile_diff import changed_table, full_table

MODEL = ModelProfile(family="mixtral-8x22b", id="v/m", rules="mistral")
PROVIDER = ProviderProfile(
    name="mine",
    title="Mine",
    base_url="http://h/v1",
    dialect="anthropic_messages",
    auth=Auth(kind="header", name="x-api-key", env=("A", "B"), url="http://h/keys"),
    accepts=Accepts(
        tool_choice=frozenset({"named", "auto"}),
        seed_field=None,
        extra_fields={"a": [1]},
        omit=frozenset({"z", "a"}),
        is_strict=True,
    ),
    headers={"x-a": "b"},
)
PRICED = replace(MODEL, context_window_tokens=5, input_usd_per_million=Decimal("2.00"))


def read_back(table: object, path: Path) -> ProviderProfile:
    """Write a table into a new catalog and read its provider."""
    assert isinstance(table, dict)
    path.write_text(edit_catalog(path, provider="mine", table=table))
    return load_catalog(path)["mine"]


def test_equal_profiles_give_an_empty_table() -> None:
    """Then nothing is written."""
    assert changed_table((PROVIDER, MODEL), (PROVIDER, MODEL)) == {}


def test_the_table_holds_only_the_differences() -> None:
    """In the catalog's form."""
    after = replace(
        PROVIDER,
        dialect="prompted",
        accepts=replace(PROVIDER.accepts, tool_choice=frozenset({"none", "named", "auto"})),
    )

    assert changed_table((PROVIDER, MODEL), (after, PRICED)) == {
        "dialect": "prompted",
        "accepts": {"tool_choice": ["auto", "none", "named"]},
        "models": {
            "mixtral-8x22b": {
                "id": "v/m",
                "context_window_tokens": 5,
                "input_usd_per_million": "2",
            }
        },
    }


def test_a_complete_provider_is_read_back_unchanged(tmp_path: Path) -> None:
    """For a catalog that does not have it."""
    table = full_table((PROVIDER, PRICED), title="Mine")

    assert read_back(table, tmp_path / "c.toml") == replace(PROVIDER, models=(PRICED,))


def test_default_values_are_left_out(tmp_path: Path) -> None:
    """The table of a simple provider is short."""
    plain = ProviderProfile(name="mine", title="Mine", base_url="http://h")
    model = ModelProfile(family="qwen", id="qwen")

    table = full_table((plain, model), title="Mine")

    assert table == {
        "title": "Mine",
        "base_url": "http://h",
        "models": {"qwen": {"id": "qwen"}},
    }
    assert read_back(table, tmp_path / "c.toml") == replace(plain, models=(model,))


def test_a_launched_provider_keeps_its_launcher() -> None:
    """It has a launcher instead of an address."""
    started = ProviderProfile(name="s", title="S", launcher="a:b", is_language_model=False)

    table = full_table((started, MODEL), title="S")

    assert table["launcher"] == "a:b"
    assert table["is_language_model"] is False
    assert "base_url" not in table
