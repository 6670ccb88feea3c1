"""`agentkit models`: the models of providers, the default, aliases.

In:  the catalog, the provider's own list of models, the user's choice.
Out: tables or JSON; the user's choice in a file.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer
from rich.table import Table
from typer.core import TyperGroup

from agentkit import cli
from agentkit.cli.commands.providers import model_facts
from agentkit.cli.exit_codes import OK
from agentkit.cli.shared_options import (
    ApiKeyEnvOption,
    BaseUrlOption,
    JsonOption,
    exits_with_code,
)
from agentkit.cli.terminal import escape_controls, note, show_table, write_json
from agentkit.config.load import (
    default_model,
    find_provider,
    read_catalog,
    resolve_model,
)
from agentkit.config.profile import ModelProfile, ProviderProfile
from agentkit.config.user_files import UserModels, read_user_models, save_user_models
from agentkit.errors import ConfigError


class ModelsGroup(TyperGroup):
    """The commands of `agentkit models`; any other word is a provider whose models to list."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the command and its arguments."""
        command = self.get_command(ctx, args[0])
        if command is not None:
            return args[0], command, args[1:]
        return "list", self.get_command(ctx, "list"), args


app: typer.Typer = typer.Typer(
    name="models",
    cls=ModelsGroup,
    help="List models; choose a default and aliases.",
    invoke_without_command=True,
    subcommand_metavar="[PROVIDER | COMMAND]",
    epilog="""\b
Examples:
  agentkit models                      the models of the catalog
  agentkit models openrouter           also those that the provider lists
  agentkit models default groq:llama-3.3-70b-versatile
  agentkit models alias fast ollama:qwen3
  agentkit run -m fast "…\"""",
)


@app.callback()
def _begin(context: typer.Context) -> None:
    """List models; choose a default and aliases."""
    if context.invoked_subcommand is None:
        list_models(provider=None)


@app.command("list")
@exits_with_code
def list_models(
    provider: Annotated[
        str | None, typer.Argument(metavar="[PROVIDER]", help="All providers if left out.")
    ] = None,
    *,
    base_url: BaseUrlOption = None,
    api_key_env: ApiKeyEnvOption = None,
    as_json: JsonOption = False,
) -> int:
    """List models; with PROVIDER also those that it lists itself."""
    if provider is None:
        providers = read_catalog().values()
        _show([(each, None) for each in providers if each.models], as_json=as_json)
        return OK
    profile = find_provider(provider)
    listed: Sequence[str] | None = cli.listed_models.ask_provider(
        profile, base_url=base_url, api_key_env=api_key_env
    )
    _show([(profile, listed)], as_json=as_json)
    return OK


@app.command("default")
@exits_with_code
def set_default(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[PROVIDER:MODEL]", help="Shown if left out; 'none' removes the default."
        ),
    ] = None,
) -> int:
    """Show or set the model that is used without --model."""
    if name is None:
        chosen, why = default_model()
        note(f"{chosen} ({why})")
        return OK
    default = None if name == "none" else name
    if default is not None:
        _check_name(default)
    save_user_models(replace(read_user_models(), default=default))
    note(f"Without --model: {default_model()[0]}")
    return OK


@app.command("alias")
@exits_with_code
def set_alias(
    alias: Annotated[
        str | None, typer.Argument(metavar="[ALIAS]", help="All are shown if left out.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[PROVIDER:MODEL]", help="The alias is removed if left out."),
    ] = None,
) -> int:
    """Show, set or remove short names for models."""
    models = read_user_models()
    if alias is None:
        for each, model in models.aliases.items():
            note(f"{each} = {model}")
        return OK
    aliases = {each: model for each, model in models.aliases.items() if each != alias}
    if name is not None:
        if ":" in alias or alias.casefold() in read_catalog():
            raise ConfigError(
                f"{alias!r} cannot be an alias: it is the name of a provider or model."
            )
        _check_name(name)
        aliases[alias] = name
    save_user_models(UserModels(default=models.default, aliases=aliases))
    note(f"{alias} = {name}" if name else f"The alias {alias} is removed.")
    return OK


def _check_name(name: str) -> None:
    """Check that a model can be named so; its key may be missing still."""
    try:
        resolve_model(name, api_key="unused")
    except ConfigError as error:
        if "base_url=" not in str(error) or "no known provider" in str(error):
            raise


def _show(rows: Sequence[tuple[ProviderProfile, Sequence[str] | None]], *, as_json: bool) -> None:
    """Print the models of the catalog, then those that only the provider lists."""
    if as_json:
        facts = [
            {
                "provider": provider.name,
                "models": [model_facts(model) for model in provider.models],
                "listed_ids": None if listed is None else list(listed),
            }
            for provider, listed in rows
        ]
        write_json(json.dumps(facts, indent=2))
        return
    if not any(provider.models or listed for provider, listed in rows):
        note("No model is known; write the id that the provider uses.")
        return
    lines = [line for provider, listed in rows for line in _lines(provider, listed)]
    filled = {column for line in lines for column, cell in line.items() if cell}
    show_table(
        *(
            _table(lines, columns=[column for column in columns if column in filled])
            for columns in _COLUMNS
        )
    )


# From the widest table to the narrowest, for terminals on which a name would be broken.
_COLUMNS: Sequence[Sequence[str]] = (
    ("Model for -m", "Id", "Context", "$ per 1M in/out"),
    ("Model for -m", "Context", "$ per 1M in/out"),
    ("Model for -m", "Context"),
    ("Model for -m",),
)
_NUMBERS = frozenset({"Context", "$ per 1M in/out"})


def _lines(provider: ProviderProfile, listed: Sequence[str] | None) -> Iterator[Mapping[str, str]]:
    """Yield the lines of a provider's models: those of the catalog, then those it lists."""
    for model in provider.models:
        yield {
            "Model for -m": f"{provider.name}:{model.family}",
            "Id": model.id,
            "Context": _window(model),
            "$ per 1M in/out": _price(model),
        }
    known = {model.id for model in provider.models}
    for model_id in listed or ():
        if model_id not in known:
            yield {"Model for -m": escape_controls(f"{provider.name}:{model_id}")}


def _table(lines: Sequence[Mapping[str, str]], *, columns: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        cells = [line.get(column, "") for line in lines]
        is_number = column in _NUMBERS
        table.add_column(
            column,
            overflow="fold",
            justify="right" if is_number else "left",
            no_wrap=is_number,
            width=max(map(len, [column, *cells])) if is_number else None,
        )
    for line in lines:
        table.add_row(*(line.get(column, "") for column in columns))
    return table


def _window(model: ModelProfile) -> str:
    tokens = model.context_window_tokens
    return f"{tokens:,}" if tokens else ""


def _price(model: ModelProfile) -> str:
    prices = (model.input_usd_per_million, model.output_usd_per_million)
    if prices == (None, None):
        return ""
    return " / ".join("?" if price is None else f"{price.normalize():f}" for price in prices)
