"""The upper bound of every figure."""

from collections.abc import Mapping

ON_ONE_CORE = ", on one core"
"""Ends the name of a case for which server and loops were kept on one core."""

GOALS: Mapping[str, Mapping[str, float]] = {
    "short run, 1 tool": {"ratio": 0.5},
    "short run, 20 tools": {"ratio": 0.45},
    "short run, plain function": {"ratio": 0.55},
    f"short run, 1 tool{ON_ONE_CORE}": {"ratio": 0.5},
    f"short run, 20 tools{ON_ONE_CORE}": {"ratio": 0.45},
    f"short run, plain function{ON_ONE_CORE}": {"ratio": 0.55},
    "agent not entered, over one that is": {"ratio": 1.1},
    "100-turn run": {"ratio": 0.45},
    "100-turn run, 2 KB results": {"ratio": 0.4},
    "late turns of 2,000 over early ones": {"ratio": 1.6},
    "nested arguments, 1,000 items": {"ms": 6},
    "structured output, half a megabyte": {"ratio": 3},
    "1,000 tools offered": {"ms per run": 1.5},
    "MCP call over stdio, over the SDK's client": {"ratio": 1.3},
    "command line": {"--help s": 0.35, "cold run s": 0.7},
    "growth per 100 turns": {"ratio": 0.3},
    "streamed delta, text": {"ratio": 0.9},
    "streamed delta, arguments": {"ratio": 1.1},
    "import and a first agent": {"ratio": 1.15},
    "100 at once, server 200 ms": {"ratio to ideal 0.4 s": 1.3, "CPU ratio to alone": 1.5},
    "1,000 at once, server 200 ms": {
        "ratio to ideal 0.4 s": 2,
        "CPU ratio to alone": 1.5,
        "ours KB per waiting run": 40,
    },
    "5,000 at once, server 200 ms": {"ours p99 s": 3},
    "5,000 at once, rare full collections": {"ours p99 s": 3},
    "235 schemas": {"ms": 60},
    "spans exported": {"ratio": 1.15},
    "10,000 runs in a row": {"ratio": 1.02},
    "durable: runs, SQLite": {
        "effect CPU ms": 0.5,
        "run CPU ms": 55,
        "bytes per waiting run": 16,
    },
    "durable: runs, PostgreSQL": {
        "effect CPU ms": 1.0,
        "run CPU ms": 45,
        "bytes per waiting run": 16,
    },
    "durable: two workers against one": {"ratio": 0.667},
    "durable: conversations, SQLite": {
        "append CPU ms": 0.6,
        "path of 400 ms": 2,
        "search, common words ms": 20,
        "search, rare words ms": 20,
    },
    "service: complete request": {"adds ms": 0.6},
    "service: 200 streams": {"ratio": 1.6, "MB": 100},
    "service: chat page": {"ready ms": 1000},
    "service: chat page, 2,000 messages": {"frame p99 ms": 33},
    "durable: conversations, PostgreSQL": {
        "append CPU ms": 1.0,
        "path of 400 ms": 10,
        "search, common words ms": 20,
        "search, rare words ms": 20,
    },
}
