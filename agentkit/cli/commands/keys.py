"""`agentkit keys`: store, list and remove API keys.

In:  a provider's name; the key, from the terminal or from a pipe, never from the command line.
Out: the key in the system's keyring, otherwise in a private file; no key is ever printed.
"""

import getpass
import json
import sys
from typing import Annotated

import typer
from rich.table import Table

from agentkit.cli.exit_codes import FAILED, OK
from agentkit.cli.shared_options import JsonOption, exits_with_code
from agentkit.cli.terminal import note, show_table, write_json
from agentkit.config.key_lookup import check_key
from agentkit.config.load import find_key_source, find_provider, read_catalog
from agentkit.config.profile import ProviderProfile
from agentkit.config.stored_keys import remove_key, store_key, stored_places
from agentkit.errors import ConfigError

app: typer.Typer = typer.Typer(
    name="keys",
    help="Store, list and remove API keys.",
    no_args_is_help=True,
    epilog="""\b
Examples:
  agentkit keys set openrouter
  pass show openrouter | agentkit keys set openrouter
  agentkit keys list
  agentkit keys remove openrouter""",
)

ProviderArgument = Annotated[
    str, typer.Argument(metavar="PROVIDER", help="As 'agentkit providers' lists it.")
]


@app.command("set")
@exits_with_code
def set_key(provider: ProviderArgument) -> int:
    """Store the key of a provider.

    The key is asked for without being shown, or read from a pipe. It is stored in the system's
    keyring if the package 'keyring' is installed, otherwise in a file that only you can read. A
    variable of the environment overrides it.
    """
    profile = _find(provider)
    key = _read_key(profile).strip()
    if not key:
        raise ConfigError("There is no key; nothing was stored.")
    check_key(key, source="The text")
    place = store_key(profile.name, key)
    where = "the system's keyring" if place == "keyring" else "a file that only you can read"
    note(f"The key of {profile.title} is stored in {where}.")
    return OK


@app.command("list")
@exits_with_code
def list_keys(*, as_json: JsonOption = False) -> int:
    """List which providers have a key; no key is shown."""
    catalog = read_catalog()
    rows = {
        name: source
        for name, provider in catalog.items()
        if provider.auth.kind != "none" and (source := find_key_source(provider))
    }
    stored = stored_places()
    if as_json:
        facts = [
            {"provider": name, "source": source, "stored_in": stored.get(name)}
            for name, source in rows.items()
        ]
        write_json(json.dumps(facts, indent=2))
        return OK
    if not rows:
        note("No provider has a key. Store one: agentkit keys set PROVIDER.")
        return OK
    table = Table("Provider", "Key", "Stored in", box=None, pad_edge=False)
    for name, source in rows.items():
        table.add_row(name, source, stored.get(name, ""))
    show_table(table)
    return OK


@app.command("remove")
@exits_with_code
def forget_key(provider: ProviderArgument) -> int:
    """Remove the stored key of a provider."""
    profile = _find(provider)
    if not remove_key(profile.name):
        note(f"There is no stored key of {profile.title}.")
        return FAILED
    note(f"The key of {profile.title} is removed.")
    return OK


def _find(name: str) -> ProviderProfile:
    profile = find_provider(name)
    if profile.auth.kind == "none":
        raise ConfigError(f"{profile.title} needs no key.")
    return profile


def _read_key(profile: ProviderProfile) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline()
    if profile.auth.url:
        note(f"Get a key at {profile.auth.url}.", style="dim")
    try:
        return getpass.getpass(f"Key of {profile.title} (it is not shown): ")
    except EOFError:
        return ""
