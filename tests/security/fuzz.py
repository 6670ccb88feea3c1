"""Try damaged input from outside for a while: `python -m tests.security.fuzz`; see `scripts/fuzz`.

In:  the number of seconds, the seed, the kinds of input.
Out: how much was tried of each kind; the first input that breaks a promise, and exit code 1.
"""

import argparse
import faulthandler
import secrets
import sys
import time
import traceback
from random import Random

from tests.security.targets import TARGETS

HANG_SECONDS = 60
MAX_CPU_SECONDS = 5.0
"""For one input. The slowest that were found take a tenth of this; a check without a bound takes
hours."""

SLICE_SECONDS = 0.5

STDERR = 2
"""By number: a test replaces `sys.stderr`."""


class BrokenPromiseError(AssertionError):
    """An input that agentkit did not take as promised; the message has all that repeats it."""


def try_one(kind: str, seed: str) -> float:
    """Try the input that a seed stands for, and return the CPU seconds that it took.

    Raises:
        BrokenPromiseError: with the seed and the input.
    """
    target = TARGETS[kind]
    given = target.make(Random(seed))  # noqa: S311  # the same input for the same seed
    started = time.process_time()
    try:
        target.check(given)
    except Exception as error:
        shown = "".join(traceback.format_exception(error)[-4:])
        raise BrokenPromiseError(f"{kind}, seed {seed!r}: {shown}\n{given!a}"[:8_000]) from error
    seconds = time.process_time() - started
    if seconds > MAX_CPU_SECONDS:
        raise BrokenPromiseError(
            f"{kind}, seed {seed!r}: {seconds:.1f} s of CPU\n{given!a}"[:8_000]
        )
    return seconds


def fuzz(*, seconds: float, seed: int, kinds: list[str]) -> dict[str, tuple[int, float]]:
    """Try inputs of all kinds in turn; return how many of each, and the longest CPU time of one.

    Raises:
        BrokenPromiseError: an input broke a promise.
    """
    tried = dict.fromkeys(kinds, (0, 0.0))
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for kind in kinds:  # an equal share of the time for each, not of the inputs
            faulthandler.dump_traceback_later(HANG_SECONDS, exit=True, file=STDERR)
            count, longest = tried[kind]
            end = time.monotonic() + SLICE_SECONDS
            while time.monotonic() < end:
                longest = max(longest, try_one(kind, f"{seed}/{count}"))
                count += 1
            tried[kind] = (count, longest)
    faulthandler.cancel_dump_traceback_later()
    return tried


def main(words: list[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None, help="any number; a new one if left out")
    parser.add_argument("--kind", action="append", choices=list(TARGETS), help="may be repeated")
    parser.add_argument("--only", metavar="SEED/NUMBER", help="try this one input of the kind")
    given = parser.parse_args(words)
    kinds = given.kind or list(TARGETS)
    seed = secrets.randbelow(10**9) if given.seed is None else given.seed
    sys.stdout.write(f"seed {seed}\n")
    sys.stdout.flush()
    try:
        if given.only:
            tried = {kind: (1, try_one(kind, given.only)) for kind in kinds}
        else:
            tried = fuzz(seconds=given.seconds, seed=seed, kinds=kinds)
    except BrokenPromiseError as broken:
        sys.stdout.write(f"{broken}\n")
        return 1
    for kind, (count, longest) in tried.items():
        sys.stdout.write(f"{kind}: {count:,} tried, at most {longest:.2f} s of CPU each\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
