"""Run a diagnosis against a server on loopback."""

from collections.abc import Mapping
from typing import Any

import anyio

from agentkit.config.load import ResolvedModel, resolve_model
from agentkit.config.profile import ProviderProfile
from agentkit.doctor.finding import Finding
from agentkit.doctor.findings import find_all
from agentkit.doctor.profile_diff import changed_table
from agentkit.doctor.run_probes import DoctorReport, ProbeSettings, diagnose
from tests.integration.doctor_server import OddProvider, running

QUICK = ProbeSettings(probe_seconds=2.0, pause_seconds=0.0)
MISTRAL = "openai-compatible:mixtral-8x22b"
PLAIN = "openai-compatible:qwen"


def resolve(url: str, name: str = MISTRAL) -> ResolvedModel:
    """Resolve a model of an unknown provider."""
    return resolve_model(name, environ={}, base_url=url)


async def diagnosed(
    server: OddProvider,
    name: str = MISTRAL,
    *,
    settings: ProbeSettings = QUICK,
    provider: Mapping[str, Any] | None = None,
) -> tuple[DoctorReport, Mapping[str, Finding], Mapping[str, object]]:
    """Return the report, the findings by question, and the changed profile fields."""
    with anyio.fail_after(60):
        async with running(server) as url:
            base = url.removesuffix("/v1") if server.traits.chat_path.startswith("/v2") else url
            resolved = resolve(base, name)
            if provider:
                known = ProviderProfile(name="h", title="H", base_url=base, **provider)
                resolved = ResolvedModel(name=name, provider=known, model=resolved.model)
            report = await diagnose(resolved, settings=settings)
    findings = {each.question: each for each in find_all(report.diagnosis)}
    table = changed_table((resolved.provider, resolved.model), report.profiles)
    return report, findings, table
