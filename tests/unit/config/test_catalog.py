"""The built-in catalog is consistent; a user's file is merged into it, or refused with reasons."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from agentkit.config.catalog import BUILTIN_FILE, load_catalog
from agentkit.config.profile import Accepts, ModelProfile
from agentkit.errors import ConfigError
from agentkit.lazy_import import load_object

PROVIDERS_OF_THE_SEEDS = {
    "aimlapi": ("https://api.aimlapi.com/v1", "mistralai/Mixtral-8x22B-Instruct-v0.1"),
    "modelslab": ("https://modelslab.com/api/v7/llm", "mistralai-mixtral-8x22b-instruct"),
    "modelslab-body": ("https://modelslab.com/api/v7/llm", "mistralai-mixtral-8x22b-instruct"),
    "modelslab-anthropic": (
        "https://modelslab.com/api/v7/llm/v1",
        "mistralai-mixtral-8x22b-instruct",
    ),
    "oxen": ("https://hub.oxen.ai/api/ai", "open-mixtral-8x22b"),
    "openrouter": ("https://openrouter.ai/api/v1", "mistralai/mixtral-8x22b-instruct"),
}


@pytest.mark.parametrize("name", PROVIDERS_OF_THE_SEEDS)
def test_every_provider_has_its_address_and_its_own_id_of_the_model(name: str) -> None:
    """These are the providers that the documentation promises."""
    provider = load_catalog()[name]
    ids = {model.family: model.id for model in provider.models}

    assert (provider.base_url, ids["mixtral-8x22b"]) == PROVIDERS_OF_THE_SEEDS[name]


def test_a_provider_that_needs_a_key_names_its_variable_and_where_to_get_one() -> None:
    """A missing key must never leave a user without a next step."""
    silent = [
        provider.name
        for provider in load_catalog().values()
        if provider.auth.is_required and not (provider.auth.env and provider.auth.url)
    ]

    assert silent == []


OTHER_FAMILIES = ("gpt-", "gemini-", "llama-", "deepseek-", "grok-", "qwen", "sonar")


def test_every_model_of_the_catalog_has_the_rules_of_its_family() -> None:
    """The rules follow from the names; none may be missed."""
    for provider in load_catalog().values():
        for model in provider.models:
            is_other = model.family.startswith(OTHER_FAMILIES)
            assert model.rules == ("plain" if is_other else "mistral"), (provider.name, model.id)


def test_no_name_of_a_model_is_used_twice_at_one_provider() -> None:
    """A name of two models would pick one silently."""
    for provider in load_catalog().values():
        names = [
            name.casefold()
            for model in provider.models
            for name in {model.family, model.id, *model.aliases}
        ]
        assert len(names) == len(set(names)), provider.name


def test_the_profile_with_the_key_in_the_body_differs_only_in_that() -> None:
    """It is one provider with two ways to send the key."""
    catalog = load_catalog()
    header, body = catalog["modelslab"], catalog["modelslab-body"]

    assert (header.auth.kind, body.auth.kind, body.auth.name) == ("bearer", "body", "key")
    assert (header.accepts.model_field, body.accepts.model_field) == ("model", "model_id")
    assert header.auth.env == body.auth.env == ("MODELSLAB_API_KEY",)
    assert header.models == body.models


@pytest.mark.parametrize("name", ["modelslab-anthropic", "anthropic"])
def test_an_anthropic_provider_gets_its_key_and_version_in_headers(name: str) -> None:
    """Without the version it refuses every request."""
    provider = load_catalog()[name]

    assert provider.dialect == "anthropic_messages"
    assert (provider.auth.kind, provider.auth.name) == ("header", "x-api-key")
    assert provider.headers == {"anthropic-version": "2023-06-01"}


FORMS = {
    "modelslab": {"modelslab-body": "openai_chat", "modelslab-anthropic": "anthropic_messages"},
    "vllm": {"vllm-completions": "completions"},
    "llamacpp": {
        "llamacpp-anthropic": "anthropic_messages",
        "llamacpp-completions": "completions",
    },
    "local": {"local-completions": "completions"},
}


@pytest.mark.parametrize("provider", FORMS)
def test_the_profile_with_the_most_features_comes_first_of_several_for_one_provider(
    provider: str,
) -> None:
    """The key that they share selects that one; the others have the same models and key."""
    catalog = load_catalog()
    names = [name for name in catalog if name == provider or name.startswith(f"{provider}-")]

    assert names == [provider, *FORMS[provider]]
    assert catalog[provider].dialect == "openai_chat"
    for name, dialect in FORMS[provider].items():
        assert catalog[name].dialect == dialect
        assert catalog[name].models == catalog[provider].models
        assert catalog[name].auth.env == catalog[provider].auth.env
        assert catalog[name].launcher == catalog[provider].launcher


def test_llama_cpp_is_never_sent_a_tool_choice_that_it_ignores() -> None:
    """It reads a name as `auto`, and under `none` a call still comes."""
    for provider in load_catalog().values():
        if provider.name.startswith(("llamacpp", "local")) and provider.dialect != "completions":
            assert provider.accepts.tool_choice == {"auto", "required"}, provider.name


def test_an_empty_field_of_the_catalog_means_none() -> None:
    """TOML has no null."""
    assert load_catalog()["oxen"].accepts.seed_field is None


def test_the_sandbox_is_launched_and_describes_itself_as_not_a_language_model() -> None:
    """No one may take it for one."""
    sandbox = load_catalog()["sandbox"]

    assert sandbox.launcher == "agentkit.sandbox:launch"
    assert (sandbox.is_language_model, sandbox.auth.kind) == (False, "none")


def test_every_provider_has_an_address_or_a_launcher_or_requires_an_address() -> None:
    """A provider that cannot be reached has no place in the catalog."""
    nowhere = [
        provider.name
        for provider in load_catalog().values()
        if not provider.base_url and provider.launcher is None
    ]

    assert nowhere == ["azure-openai", "cloudflare", "openai-compatible"]


@pytest.mark.parametrize("provider", ["local", "local-completions", "sandbox"])
def test_the_launcher_of_a_provider_exists(provider: str) -> None:
    """It is named by text, which no type checker reads."""
    launcher = load_catalog()[provider].launcher

    assert launcher is not None
    assert callable(load_object(launcher))


def test_the_built_in_catalog_is_read_once() -> None:
    """It does not change while a program runs."""
    assert load_catalog() is load_catalog()


def write(folder: Path, text: str) -> Path:
    """Write a catalog of the user's own."""
    path = folder / "providers.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_users_file_adds_providers_after_the_built_in_ones(tmp_path: Path) -> None:
    """Fields it leaves out have the defaults of the profile."""
    path = write(
        tmp_path,
        """
        [campus]
        base_url = "https://llm.campus.example/v1/"
        headers = { x-team = "blue" }

        [campus.auth]
        kind = "header"
        name = "x-api-key"
        env = ["CAMPUS_KEY"]

        [campus.accepts.extra_fields]
        safe = true
        top_k = 0.5

        [campus.models]
        mixtral-8x22b = "big-one"
        house-model = "hm-1"

        [campus.models.large]
        id = "m-large"
        rules = "mistral"
        context_window_tokens = 1000
        input_usd_per_million = 0.9
        output_usd_per_million = "2.50"
        """,
    )

    catalog = load_catalog(path)
    campus = catalog["campus"]

    assert list(catalog) == [*load_catalog(), "campus"]
    assert (campus.name, campus.title) == ("campus", "campus")
    assert campus.base_url == "https://llm.campus.example/v1"
    assert (campus.auth.kind, campus.auth.name, campus.auth.env) == (
        "header",
        "x-api-key",
        ("CAMPUS_KEY",),
    )
    assert campus.accepts == Accepts(extra_fields={"safe": True, "top_k": 0.5})
    assert campus.headers == {"x-team": "blue"}
    assert campus.models == (
        ModelProfile(family="mixtral-8x22b", id="big-one", rules="mistral"),
        ModelProfile(family="house-model", id="hm-1", rules="plain"),
        ModelProfile(
            family="large",
            id="m-large",
            rules="mistral",
            context_window_tokens=1000,
            input_usd_per_million=Decimal("0.9"),
            output_usd_per_million=Decimal("2.50"),
        ),
    )


def test_a_users_file_changes_only_the_fields_it_names(tmp_path: Path) -> None:
    """A table adds to the built-in one; a list replaces it."""
    path = write(
        tmp_path,
        """
        [mistral.accepts]
        tool_choice = ["auto"]

        [mistral.models.mixtral-8x22b]
        context_window_tokens = 32000
        """,
    )

    ours, theirs = load_catalog()["mistral"], load_catalog(path)["mistral"]

    assert theirs.accepts.tool_choice == {"auto"}
    assert theirs.accepts.seed_field == ours.accepts.seed_field == "random_seed"
    assert theirs.models[0].id == ours.models[0].id
    assert theirs.models[0].context_window_tokens == 32000
    assert theirs.models[1:] == ours.models[1:]
    assert ours.models[0].context_window_tokens == 65536


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[a", "is not TOML: Expected ']'"),
        ("a = 3", "[a]: Input should be an object"),
        ("[a]\nbase_ur = ''", "[a] base_ur: Unexpected keyword argument"),
        ("[a]\nbase_url = 'ftp://x'", "[a]: 'ftp://x' is not a base URL"),
        ("[a]\nname = 'b'", "[a] name: the table's name is the provider's name; leave it out"),
        ("[Big]", "[Big]: a provider's name is lower case"),
        ("['a:b']", "[a:b]: a provider's name is lower case, without ':' or space"),
        ("[a.auth]\nkind = 'cookie'", "[a.auth] kind: Input should be 'bearer', 'header'"),
        ("[a.auth]\nis_required = 'no'", "[a.auth] is_required: Input should be a valid boolean"),
        ("[a.accepts]\ntool_choice = ['must']", "[a.accepts.tool_choice] 0: Input should be"),
        ("[a.models.m]\nid = 3", "[a.models.m] id: Input should be a valid string"),
        ("[a.models.m]\nrules = 'x'", "[a.models.m] rules: Input should be 'mistral' or"),
        ("[a.models.m]\nsize = 3", "[a.models.m] size: Unexpected keyword argument"),
        ("[a.models]\nm = 3", "[a.models.m] id: Input should be a valid string"),
        ("[a]\nmodels = ['m']", "[a.models] 0: Input should be an object"),
        (
            "[a.models.m]\nid = 'x'\ncontext_window_tokens = 0",
            "[a.models] m: A context window has 1 token or more, not 0",
        ),
        ("[a]\ntitle = 2020-01-01", "a date, a time or a number without end"),
        ("[a.accepts.extra_fields]\nx = inf", "a date, a time or a number without end"),
    ],
)
def test_an_error_names_file_table_and_field(tmp_path: Path, text: str, complaint: str) -> None:
    """A user must find the line."""
    path = write(tmp_path, text)

    with pytest.raises(ConfigError) as caught:
        load_catalog(path)

    assert str(path) in str(caught.value)
    assert complaint in str(caught.value)


def test_all_errors_of_a_file_are_reported_at_once(tmp_path: Path) -> None:
    """It is tedious to fix a file a field at a time."""
    path = write(tmp_path, "[a]\nbase_ur = ''\n[b.auth]\nenv = 'KEY'")

    with pytest.raises(ConfigError) as caught:
        load_catalog(path)

    assert "[a] base_ur" in str(caught.value)
    assert "[b.auth] env" in str(caught.value)


def test_an_error_does_not_quote_the_value(tmp_path: Path) -> None:
    """A header may hold a secret."""
    path = write(tmp_path, "[a]\nheaders = { x-api-key = ['geheim'] }")

    with pytest.raises(ConfigError) as caught:
        load_catalog(path)

    assert "geheim" not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__cause__}"


def test_a_missing_file_is_reported_by_its_path(tmp_path: Path) -> None:
    """The variable may hold a stale path."""
    path = tmp_path / "gone.toml"

    with pytest.raises(ConfigError, match=r"gone\.toml cannot be read: .*No such file"):
        load_catalog(path)


def test_a_file_that_is_not_text_is_reported_by_its_path(tmp_path: Path) -> None:
    """It is read as UTF-8."""
    path = tmp_path / "providers.toml"
    path.write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigError, match="cannot be read: 'utf-8'"):
        load_catalog(path)


PROVIDERS_OF_OTHER_FAMILIES = (
    "openai",
    "azure-openai",
    "gemini",
    "cerebras",
    "deepseek",
    "xai",
    "huggingface",
    "github-models",
    "cloudflare",
    "nebius",
    "novita",
    "sambanova",
    "perplexity",
)


@pytest.mark.parametrize("name", PROVIDERS_OF_OTHER_FAMILIES)
def test_a_provider_of_other_families_names_its_source(name: str) -> None:
    """A link, and (U) as long as nothing was confirmed by a request."""
    text = BUILTIN_FILE.read_text(encoding="utf-8")

    assert re.search(rf"^\[{name}\] # https://\S+ \(U\)$", text, re.MULTILINE)
    assert load_catalog()[name].auth.url
