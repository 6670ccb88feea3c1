"""`agentkit doctor`: what a host honours, and the profile that fits it.

In:  a host and a model, by name; an address where the catalog's is not meant.
Out: a table of findings or JSON on standard output; what was learned in the user's own catalog.

Exit code 0: an agent can work there, with the profile. 1: something that an agent needs does not
work or was not seen. 2: wrong use; nothing was sent.
"""

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import cast

import anyio
from rich.table import Table as RichTable
from rich.text import Text

from agentkit.cli.exit_codes import FAILED, OK
from agentkit.cli.terminal import escape_controls, note, show_table
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
from agentkit.lazy_import import load_object
from agentkit.value import dataclass, replace

_HOST_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_STYLES = {"yes": "green", "no": "red", "partly": "yellow", "unclear": "yellow", "not asked": "dim"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorRequest:
    """What the command line asked for.

    Attributes:
        target: `HOST` or `HOST:MODEL`.
        save_as: the host's name in the user's catalog, if it is to be another.
        max_cost_usd: the diagnosis ends before a request that might exceed it.
    """

    target: str
    base_url: str | None = None
    save_as: str | None = None
    as_json: bool = False
    is_dry_run: bool = False
    probe_seconds: float = 60.0
    max_cost_usd: Decimal = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class _CatalogEdit:
    """What is to be written, and where; an empty table if there is nothing."""

    host: str
    table: Table
    path: Path | None


def run_doctor(checkup: DoctorRequest) -> int:
    """Examine a host and write what was learned; return the exit code.

    Raises:
        ConfigError: the host is not known, its key is missing, or the catalog cannot be written.
    """
    resolved = _resolve(checkup)
    _check_can_write(checkup, resolved)
    note(f"Asking {resolved.name} at {_place(resolved)}.", style="dim")
    return _conclude(checkup, resolved, _examine(checkup, resolved))


def _conclude(checkup: DoctorRequest, resolved: ResolvedModel, report: DoctorReport) -> int:
    """Write and show what a diagnosis found; return the exit code."""
    findings = find_all(report.diagnosis)
    edit = _plan_edit(checkup, resolved, report)
    is_written = bool(edit.table) and not checkup.is_dry_run
    if is_written and edit.path is not None:
        _save(edit.path, edit)
    if checkup.as_json:
        facts = _facts(resolved, report, findings, edit, is_written=is_written)
        sys.stdout.write(json.dumps(facts, indent=2) + "\n")
    else:
        _show(report, findings, edit, is_dry_run=checkup.is_dry_run)
    return _exit_code(report, findings)


def _examine(checkup: DoctorRequest, resolved: ResolvedModel) -> DoctorReport:
    settings = ProbeSettings(probe_seconds=checkup.probe_seconds, max_cost_usd=checkup.max_cost_usd)
    return anyio.run(partial(diagnose, resolved, settings=settings, on_probe=_show_progress))


def _resolve(checkup: DoctorRequest) -> ResolvedModel:
    """Return the model to ask for: the one that is named, else the host's usual one."""
    name = checkup.target.strip()
    if ":" not in name:
        known = read_catalog().get(name.casefold())
        family = None if known is None else default_family(known)
        if known is not None and family is None:
            raise ConfigError(
                f"The catalog names no model of {name!r}; write {f'{name}:MODEL-ID'!r}."
            )
        name = f"{name}:{family or ''}"
    return resolve_model(name, base_url=checkup.base_url)


def _check_can_write(checkup: DoctorRequest, resolved: ResolvedModel) -> None:
    """Refuse before anything is sent what could not be written afterwards."""
    if checkup.save_as is not None and not _HOST_NAME.fullmatch(checkup.save_as):
        raise ConfigError(
            f"--save-as {checkup.save_as!r}: a host's name is lower case letters, digits, dots, "
            "dashes and underscores."
        )
    if user_catalog_path() is None and not checkup.is_dry_run:
        raise ConfigError("There is no place for your catalog; set AGENTKIT_CATALOG to a path.")
    launched = read_catalog()[resolved.provider.name].launcher is not None
    if launched and checkup.base_url is not None and checkup.save_as is None:
        raise ConfigError(
            f"{resolved.provider.name!r} is started by agentkit and has no address to change; "
            "give --save-as NAME, or the host 'openai-compatible'."
        )


def _plan_edit(
    checkup: DoctorRequest, resolved: ResolvedModel, report: DoctorReport
) -> _CatalogEdit:
    """Return what the user's catalog should say from now on."""
    path = user_catalog_path()
    after = report.profiles
    has_seen = any(result.is_answered for result in report.diagnosis.results.values())
    if checkup.save_as is not None and checkup.save_as != resolved.provider.name:
        title = checkup.save_as if checkup.base_url else resolved.provider.title
        table = full_table(after, title=title) if has_seen else {}
        return _CatalogEdit(host=checkup.save_as, table=table, path=path)
    provider = resolved.provider
    if checkup.base_url is not None:
        provider = replace(provider, base_url=read_catalog()[provider.name].base_url)
    table = changed_table((provider, resolved.model), after) if has_seen else {}
    return _CatalogEdit(host=provider.name, table=table, path=path)


def _save(path: Path, edit: _CatalogEdit) -> None:
    # The writer needs a package of the extra; nothing else of the command line does.
    edit_file = cast(
        Callable[..., str], load_object("agentkit.config.user_catalog:edit_catalog", extra="cli")
    )
    save = cast(
        Callable[[Path, str], None],
        load_object("agentkit.config.user_catalog:save_catalog", extra="cli"),
    )
    save(path, edit_file(path, host=edit.host, table=edit.table))


def _spell(edit: _CatalogEdit) -> str:
    """Return the table as TOML; nothing where there is nothing to say."""
    if not edit.table:
        return ""
    spell = cast(
        Callable[[str, Table], str],
        load_object("agentkit.config.user_catalog:spell_table", extra="cli"),
    )
    return spell(edit.host, edit.table)


def _show_progress(name: str) -> None:
    """Say on a terminal what is being asked: a host may take its time."""
    if sys.stderr.isatty():
        note(f"  {name}", style="dim")


def _show(
    report: DoctorReport, findings: Sequence[Finding], edit: _CatalogEdit, *, is_dry_run: bool
) -> None:
    table = RichTable("Question", "ProbeVerdict", "Seen", "What to do", box=None, pad_edge=False)
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
    if not edit.table:
        note("The profile is right as it is; nothing to write.")
    elif is_dry_run:
        note(f"This would go into {edit.path or 'your catalog'}:", style="dim")
        sys.stdout.write(_spell(edit))
    else:
        note(f"Written to {edit.path}, host {edit.host!r}.")


def _cost_line(report: DoctorReport) -> str:
    usage = report.usage
    tokens = f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out"
    least = "" if report.is_usage_complete else "at least "
    if usage.cost_usd is None:
        cost = "cost unknown: the host names none and no price is known"
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
        "host": resolved.provider.name,
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
            "is_whole": report.is_usage_complete,
        },
        "profile": {
            "host": edit.host,
            "changes": edit.table,
            "toml": _spell(edit),
            "path": None if edit.path is None else str(edit.path),
            "is_written": is_written,
        },
    }


def _exit_code(report: DoctorReport, findings: Sequence[Finding]) -> int:
    is_well = not report.stopped and not any(finding.is_problem for finding in findings)
    return OK if is_well else FAILED


def _place(resolved: ResolvedModel) -> str:
    return resolved.provider.base_url or "an address of its own"
