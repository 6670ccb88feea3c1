"""`agentkit doctor`: probe a provider and write the profile that fits it.

In:  a provider and a model, by name; a base URL that overrides the catalog's.
Out: a table of findings or JSON on standard output; the changed profile in the user's catalog.

Exit code 0: an agent can use this model with the profile. 1: something that an agent needs does
not work or could not be tested. 2: wrong usage; nothing was sent.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.table import Table as RichTable
from rich.text import Text

from agentkit.cli.exit_codes import FAILED, OK
from agentkit.cli.shared_options import read_api_key
from agentkit.cli.signals import run_async
from agentkit.cli.terminal import escape_controls, note, show_table, write, write_json
from agentkit.config import user_catalog
from agentkit.config.load import (
    ResolvedModel,
    default_family,
    read_catalog,
    resolve_model,
    user_catalog_path,
)
from agentkit.doctor.finding import Finding
from agentkit.doctor.findings import find_all
from agentkit.doctor.profile_diff import Table, changed_table, full_table
from agentkit.doctor.run_probes import DoctorReport, ProbeSettings, diagnose
from agentkit.errors import ConfigError
from agentkit.value import dataclass

_PROVIDER_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_STYLES = {"yes": "green", "no": "red", "partly": "yellow", "unclear": "yellow", "not asked": "dim"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorRequest:
    """The options of `agentkit doctor`.

    Attributes:
        target: `PROVIDER` or `PROVIDER:MODEL`.
        save_as: another name for the provider in the user's catalog.
        max_cost_usd: the diagnosis ends before a request that could exceed it.
    """

    target: str
    base_url: str | None = None
    api_key_env: str | None = None
    save_as: str | None = None
    as_json: bool = False
    is_dry_run: bool = False
    probe_seconds: float = 60.0
    max_cost_usd: Decimal = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class _CatalogEdit:
    """The table to write and its file; the table is empty if nothing changes."""

    provider: str
    table: Table
    path: Path | None


def run_doctor_with(**options: Any) -> int:
    """Call `run_doctor` with the fields of a `DoctorRequest`, for a caller that loads this late."""
    return run_doctor(DoctorRequest(**options))


def run_doctor(request: DoctorRequest) -> int:
    """Probe a provider, write the changed profile, and return the exit code.

    Raises:
        ConfigError: the provider is unknown, its key is missing, or the catalog is not writable.
    """
    resolved = _resolve(request)
    _check_can_write(request, resolved)
    note(f"Probing {resolved.name} at {_place(resolved)}.", style="dim")
    return _conclude(request, resolved, _examine(request, resolved))


def _conclude(request: DoctorRequest, resolved: ResolvedModel, report: DoctorReport) -> int:
    """Write and show the findings, and return the exit code."""
    findings = find_all(report.diagnosis)
    edit = _plan_edit(request, resolved, report)
    is_written = bool(edit.table) and not request.is_dry_run
    if is_written and edit.path is not None:
        _save(edit.path, edit)
    if request.as_json:
        facts = _facts(resolved, report, findings, edit, is_written=is_written)
        write_json(json.dumps(facts, indent=2))
    else:
        _show(report, findings, edit, is_dry_run=request.is_dry_run)
    return _exit_code(report, findings)


def _examine(request: DoctorRequest, resolved: ResolvedModel) -> DoctorReport:
    settings = ProbeSettings(probe_seconds=request.probe_seconds, max_cost_usd=request.max_cost_usd)
    reports: list[DoctorReport] = []

    async def run() -> int:
        reports.append(await diagnose(resolved, settings=settings, on_probe=_show_progress))
        return OK

    code = run_async(run)
    if not reports:  # a signal ended it
        raise SystemExit(code)
    return reports[0]


def _resolve(request: DoctorRequest) -> ResolvedModel:
    """Return the named model, or the provider's default model."""
    name = request.target.strip()
    if ":" not in name:
        known = read_catalog().get(name.casefold())
        family = None if known is None else default_family(known)
        if known is not None and family is None:
            raise ConfigError(
                f"The catalog has no model of {name!r}; write {f'{name}:MODEL-ID'!r}."
            )
        name = f"{name}:{family or ''}"
    return resolve_model(name, base_url=request.base_url, api_key=read_api_key(request.api_key_env))


def _check_can_write(request: DoctorRequest, resolved: ResolvedModel) -> None:
    """Check before anything is sent that the result can be written afterwards."""
    if request.save_as is not None and not _PROVIDER_NAME.fullmatch(request.save_as):
        raise ConfigError(
            f"--save-as {request.save_as!r}: a provider's name has only lower case letters, "
            "digits, dots, dashes and underscores."
        )
    if user_catalog_path() is None and not request.is_dry_run:
        raise ConfigError(
            "There is no folder for your catalog; set AGENTKIT_CATALOG to a file path."
        )
    launched = read_catalog()[resolved.provider.name].launcher is not None
    if launched and request.base_url is not None and request.save_as is None:
        raise ConfigError(
            f"{resolved.provider.name!r} is started by agentkit and has no base URL to change; "
            "pass --save-as NAME, or use the provider 'openai-compatible'."
        )


def _plan_edit(
    request: DoctorRequest, resolved: ResolvedModel, report: DoctorReport
) -> _CatalogEdit:
    """Return the change to the user's catalog."""
    path = user_catalog_path()
    after = report.profiles
    has_seen = any(result.is_answered for result in report.diagnosis.results.values())
    if request.save_as is not None and request.save_as != resolved.provider.name:
        title = request.save_as if request.base_url else resolved.provider.title
        if request.api_key_env is not None:
            # Otherwise a run with the new name would not find the key that was used here.
            auth = replace(after[0].auth, env=(request.api_key_env,))
            after = (replace(after[0], auth=auth), after[1])
        table = full_table(after, title=title) if has_seen else {}
        return _CatalogEdit(provider=request.save_as, table=table, path=path)
    provider = resolved.provider
    if request.base_url is not None:
        provider = replace(provider, base_url=read_catalog()[provider.name].base_url)
    table = changed_table((provider, resolved.model), after) if has_seen else {}
    return _CatalogEdit(provider=provider.name, table=table, path=path)


def _save(path: Path, edit: _CatalogEdit) -> None:
    text = user_catalog.edit_catalog(path, provider=edit.provider, table=edit.table)
    user_catalog.save_catalog(path, text)


def _to_toml(edit: _CatalogEdit) -> str:
    """Return the table as TOML; empty if nothing changes."""
    if not edit.table:
        return ""
    text: str = user_catalog.format_table(edit.provider, edit.table)
    return text


def _show_progress(name: str) -> None:
    """Show the current probe on a terminal, since a response may take long."""
    if sys.stderr.isatty():
        note(f"  {name}", style="dim")


def _show(
    report: DoctorReport, findings: Sequence[Finding], edit: _CatalogEdit, *, is_dry_run: bool
) -> None:
    table = RichTable("Question", "Verdict", "Seen", "What to do", box=None, pad_edge=False)
    for finding in findings:
        verdict = Text(finding.verdict, style=_STYLES[finding.verdict])
        table.add_row(
            finding.question,
            verdict,
            escape_controls(finding.seen),
            escape_controls(finding.advice),
        )
    show_table(table)
    if report.stopped:
        note(f"Stopped early: {report.stopped}.".replace("..", "."), style="bold")
    note(_cost_line(report))
    if not edit.table and report.stopped:
        note("The profile is unchanged: not everything could be tested.")
    elif not edit.table and any(finding.is_problem for finding in findings):
        note("The profile is unchanged: nothing was found that would make this model work.")
    elif not edit.table:
        note("The profile is correct; nothing to write.")
    elif is_dry_run:
        note(f"This would be written to {edit.path or 'your catalog'}:", style="dim")
        write(_to_toml(edit))
    else:
        note(f"Written to {edit.path}, provider {edit.provider!r}.")


def _cost_line(report: DoctorReport) -> str:
    usage = report.usage
    tokens = f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out"
    least = "" if report.is_usage_complete else "at least "
    if usage.cost_usd is None:
        cost = "cost unknown: the provider reports none and no price is known"
    else:
        cost = f"{least}${usage.cost_usd:.6f}"
    return f"{report.requests} requests, {least}{tokens}: {cost}."


def _facts(
    resolved: ResolvedModel,
    report: DoctorReport,
    findings: Sequence[Finding],
    edit: _CatalogEdit,
    *,
    is_written: bool,
) -> Mapping[str, object]:
    usage = report.usage
    return {
        "provider": resolved.provider.name,
        "model": resolved.model.id,
        "base_url": report.profiles[0].base_url,
        "is_well": _exit_code(report, findings) == OK,
        "stopped": report.stopped or None,
        "findings": [
            {
                "question": finding.question,
                "verdict": finding.verdict,
                "seen": finding.seen,
                "what_to_do": finding.advice,
                "is_problem": finding.is_problem,
            }
            for finding in findings
        ],
        "requests": report.requests,
        "usage": {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cost_usd": None if usage.cost_usd is None else float(usage.cost_usd),
            "is_complete": report.is_usage_complete,
        },
        "profile": {
            "name": edit.provider,
            "changes": edit.table,
            "toml": _to_toml(edit),
            "path": None if edit.path is None else str(edit.path),
            "is_written": is_written,
        },
    }


def _exit_code(report: DoctorReport, findings: Sequence[Finding]) -> int:
    is_well = not report.stopped and not any(finding.is_problem for finding in findings)
    return OK if is_well else FAILED


def _place(resolved: ResolvedModel) -> str:
    return resolved.provider.base_url or "a local address"
