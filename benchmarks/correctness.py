"""Ask agentkit and other frameworks one question in front of a faulty provider, and judge them.

In:  words of fault names to try only those; `--frameworks` to ask only some; `--json` for a file
     with all outcomes; `--write` to put the tables into docs/comparison.md and README.md.
Out: the tables. Each framework runs in an environment of its own; the provider is the sandbox of
     agentkit, an OpenAI-compatible server on loopback that injects one fault.

    python -m benchmarks.correctness --write --json docs/comparison.json

The question needs a tool twice. An outcome is *right* if the answer holds both results and the tool
ran exactly once for each city; an *error* if an exception was raised or the result reports that it
is not an answer; *wrong* if anything else was returned; *never* if nothing came within a minute.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import anyio

from agentkit.sandbox import FAULTS, FaultPlan, Sandbox, sandbox
from benchmarks.comparison_tables import write_tables
from benchmarks.peers.environments import PEERS, ROOT
from benchmarks.question import FORECASTS

NONE = "none"
ALWAYS = (
    "text_call", "ids_", "index_", "name_repeated", "name_split", "type_missing", "usage_",
    "finish_stop", "finish_tool_calls", "finish_empty", "finish_unknown", "finish_missing",
    "no_done", "comments", "tiny_chunks", "one_chunk", "gzip", "crlf", "no_space", "length_none",
    "status_401", "status_402",
)  # fmt: skip
"""Faults that are a property of a server, in every answer; the others happen once."""

CHILD_SECONDS = 1_200


def is_permanent(fault: str) -> bool:
    """Return whether a fault is in every answer, and not in one."""
    return fault.startswith(ALWAYS) and fault not in ("gzip_cut", "gzip_untrue")


def verdict_of(outcome: Mapping[str, object]) -> str:
    """Return `right`, `error`, `wrong` or `never`."""
    if outcome["ended"] == "never":
        return "never"
    if outcome["ended"] == "raised":
        return "error"
    text, ran = str(outcome["text"]), outcome["ran"]
    is_complete = all(forecast in text for forecast in FORECASTS.values())
    is_once = isinstance(ran, list) and sorted(ran) == sorted(FORECASTS)
    return "right" if is_complete and is_once else "wrong"


async def ask_all(
    command: Sequence[str], faults: Sequence[str], environment: Mapping[str, str]
) -> dict[str, dict[str, dict[str, object]]]:
    """Return the outcomes of one framework by fault, and there by `complete` or `streamed`."""
    async with AsyncExitStack() as stack:
        asked: dict[str, Sandbox] = {}
        lines = []
        for fault in faults:
            for mode in ("complete", "streamed"):
                plan = FaultPlan(
                    kinds=() if fault == NONE else (fault,),
                    times=None if is_permanent(fault) else 1,
                )
                name = f"{fault} {mode}"
                asked[name] = await stack.enter_async_context(
                    sandbox(provider="openai-compatible", faults=plan)
                )
                line = {"id": name, "url": asked[name].base_url, "is_streamed": mode == "streamed"}
                lines.append(json.dumps(line))
        written = await _output_of(command, "\n".join(lines), environment)
        outcomes: dict[str, dict[str, dict[str, object]]] = {}
        for name, provider in asked.items():
            fault, mode = name.split(" ")
            was_injected = any(answer.fault for answer in provider.answers)
            if was_injected or fault == NONE:
                outcome = written.get(name, {"ended": "never", "ran": []})
                outcomes.setdefault(fault, {})[mode] = _kept(outcome)
        return outcomes


def _kept(outcome: Mapping[str, object]) -> dict[str, object]:
    """Return what is kept of an outcome: the verdict, and what it is based on."""
    verdict = verdict_of(outcome)
    if verdict == "right":
        return {"verdict": verdict}
    seen = str(outcome.get("error") or outcome.get("text") or "")
    return {"verdict": verdict, "seen": seen[:160], "ran": outcome["ran"]}


async def _output_of(
    command: Sequence[str], text: str, environment: Mapping[str, str]
) -> dict[str, dict[str, object]]:
    """Run a program and return the outcomes that it wrote, also if it had to be stopped."""
    found: dict[str, dict[str, object]] = {}
    with anyio.move_on_after(CHILD_SECONDS):
        async with await anyio.open_process(
            command, cwd=ROOT, env=dict(environment), stderr=subprocess.DEVNULL
        ) as process:
            if process.stdin is None or process.stdout is None:
                raise RuntimeError("The program has no pipes.")
            await process.stdin.send(text.encode())
            await process.stdin.aclose()
            rest = b""
            async for piece in process.stdout:
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    outcome = json.loads(line)
                    found[outcome["id"]] = outcome
    return found


def frameworks(names: Sequence[str]) -> Iterator[tuple[str, str, str, Sequence[str]]]:
    """Yield the name, the Python, the module and the packages of each framework that is named.

    Without names, of all frameworks.
    """
    if not names or "agentkit" in names:
        yield "agentkit", sys.executable, "with_agentkit", ()
    for peer in PEERS.values():
        if not names or peer.name in names:
            yield peer.name, str(peer.python()), f"peers.{peer.module}", peer.packages


def main() -> None:
    """Read the command line, ask, write."""
    given = _arguments()
    faults = [name for name in (NONE, *FAULTS) if _is_wanted(name, given.faults)]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # or it is fetched from a server
        "OTEL_SDK_DISABLED": "true",
    }
    today = datetime.now(UTC).date().isoformat()
    found = _known(given.json)
    for name, python, module, packages in frameworks(given.frameworks):
        sys.stderr.write(f"Asking {name} …\n")
        command = [python, "-m", "benchmarks.peers.answers", module]
        outcomes = anyio.run(ask_all, command, faults, environment)
        found[name] = {"date": today, "packages": packages, "outcomes": outcomes}
    result = {
        "command": "python -m benchmarks.correctness",
        "permanent": [fault for fault in FAULTS if is_permanent(fault)],
        "frameworks": found,
    }
    if given.json:
        given.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    sys.stdout.write(write_tables(result, root=ROOT if given.write else None))


def _known(path: Path | None) -> dict[str, object]:
    """Return the outcomes in a file; those of frameworks that are not asked again are kept."""
    if path is None or not path.exists():
        return {}
    return dict(json.loads(path.read_text(encoding="utf-8"))["frameworks"])


def _is_wanted(name: str, parts: Sequence[str]) -> bool:
    return not parts or any(part in name for part in parts)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.correctness", description=__doc__)
    parser.add_argument("faults", nargs="*", help="only those whose name holds one of these words")
    parser.add_argument("--frameworks", nargs="*", default=(), help="only these")
    parser.add_argument("--json", type=Path, help="put all outcomes into this file")
    parser.add_argument("--write", action="store_true", help="write the tables into the documents")
    return parser.parse_args()


if __name__ == "__main__":
    main()
