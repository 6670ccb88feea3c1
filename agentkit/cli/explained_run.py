"""The work of `agentkit explain`.

In:  a file, the id of a stored run, or `last`; perhaps another run to compare it with.
Out: a story on standard output, JSON, or an HTML file.
"""

from pathlib import Path

import anyio

from agentkit.cli.exit_codes import OK
from agentkit.cli.kept_records import last_records
from agentkit.cli.terminal import answer_console, note, write, write_json
from agentkit.config.user_files import user_database
from agentkit.durable import RunNotFoundError, open_runs
from agentkit.errors import UsageError
from agentkit.event import EventRecord
from agentkit.telemetry.explain import Explanation, explain, read_records
from agentkit.telemetry.explain.comparison import Comparison, compare
from agentkit.telemetry.explain.html_view import html_view
from agentkit.telemetry.explain.json_view import json_view
from agentkit.telemetry.explain.text_view import text_view


def explain_run(
    run: str, *, html: Path | None, as_json: bool, other: str | None, db: str | None
) -> int:
    """Explain a run, and return the exit code.

    Raises:
        UsageError: there is no such run, or the page cannot be written.
        ConfigError: there is no folder for data.
    """
    explanation = _explained(run, db)
    comparison: Comparison | None = None
    if other is not None:
        comparison = compare(explanation, _explained(other, db))
    if html is not None:
        page = html_view(explanation, comparison=comparison)
        try:
            html.write_text(page, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"Cannot write {str(html)!r}: {error.strerror}.") from error
        note(f"Wrote {html}.")
    if as_json:
        write_json(json_view(explanation, comparison=comparison))
    elif html is None:
        width = answer_console().width
        write(text_view(explanation, width=width, comparison=comparison) + "\n")
    return OK


def _explained(run: str, db: str | None) -> Explanation:
    """Return the explanation of a run: `last`, a file, or the id of a stored run."""
    if run == "last":
        return explain(read_records(last_records()))
    path = Path(run)
    if path.exists() or path.suffix in (".jsonl", ".json", ".ndjson"):
        return explain(read_records(path))
    return explain(anyio.run(_stored_records, run, db), run_id=run)


async def _stored_records(run_id: str, db: str | None) -> list[EventRecord]:
    url = db or user_database()
    try:
        async with open_runs(url) as runs:
            return [record async for record in runs.events(run_id, follow=False)]
    except RunNotFoundError:
        raise UsageError(
            f"{run_id!r} is no file and no stored run. Give the output of "
            "'agentkit run --json', an id of 'agentkit runs list', or 'last'."
        ) from None
