"""Ask a provider which models it has.

In:  the profile of a provider, with which address and key.
Out: the ids that it lists.

It loads the transport, which the other commands about models do not need.
"""

from collections.abc import Sequence

from agentkit.cli.exit_codes import OK
from agentkit.cli.shared_options import read_api_key
from agentkit.cli.signals import run_async
from agentkit.cli.terminal import note
from agentkit.config.load import resolve_model
from agentkit.config.profile import ProviderProfile
from agentkit.doctor.list_models import list_model_ids
from agentkit.errors import AgentKitError


def ask_provider(
    profile: ProviderProfile, *, base_url: str | None, api_key_env: str | None
) -> Sequence[str] | None:
    """Return the ids that the provider lists; None if it cannot be asked, with a note."""
    family = profile.models[0].family if profile.models else "MODEL-ID"
    try:
        resolved = resolve_model(
            f"{profile.name}:{family}", base_url=base_url, api_key=read_api_key(api_key_env)
        )
        found: list[Sequence[str] | None] = []

        async def run() -> int:
            found.append(await list_model_ids(resolved))
            return OK

        run_async(run)
    except AgentKitError as error:
        note(f"The provider's own list is not shown: {error}", style="dim")
        return None
    if found[0] is None:
        note("The provider lists no models.", style="dim")
    return found[0]
