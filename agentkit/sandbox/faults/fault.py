"""Answers that go wrong as they do in the wild, on purpose and the same for the same seed.

In:  an honest answer, and which misbehaviours to choose from.
Out: the bytes that go out, and the name of the misbehaviour; None where the answer stays honest.

There are three kinds: of what is said (`misbehave_answer`), of its form (`misbehave_form`, for the
OpenAI chat form), of its bytes (`misbehave_bytes`). One that does not fit an answer, such as ids
where there are no calls, leaves it to the next.
"""

import fnmatch
from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random
from typing import TypeAlias

from agentkit.errors import ConfigError
from agentkit.sandbox.faults.answer_faults import ANSWER_CHANGES
from agentkit.sandbox.faults.byte_faults import BYTES_CHANGES, Sent
from agentkit.sandbox.faults.format_faults import FORM_CHANGES
from agentkit.sandbox.http_server import RawReply
from agentkit.sandbox.planner.question import Asked, Completion
from agentkit.sandbox.wire.encoded_response import Spelled, as_reply
from agentkit.sandbox.wire.provider_format import Door
from agentkit.value import dataclass, replace

FAULTS: tuple[str, ...] = (*ANSWER_CHANGES, *FORM_CHANGES, *BYTES_CHANGES)
"""The names of all misbehaviours."""

_NAMES = frozenset(FAULTS)
_IN_ANY_FORM = frozenset({"empty", "blank", "cut_by_limit", "no_call"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """Which answers go wrong, and how.

    Attributes:
        kinds: names of `FAULTS`, or patterns of them such as `text_call*`.
        seed: the same seed, the same misbehaviour, if the requests are the same.
        rate: how many of the answers go wrong, from 0 to 1.
        sequential: take the kinds one after the other, over and over, and not at random.
        times: how many answers go wrong at most; None for no limit.
        slow_seconds: how long `slow` waits before it answers.

    Raises:
        ConfigError: a name fits no misbehaviour, or a number is out of its range.
    """

    kinds: Sequence[str] = ("*",)
    seed: int = 0
    rate: float = 1.0
    sequential: bool = False
    times: int | None = None
    slow_seconds: float = 1.0

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if not _expand(kind):
                raise ConfigError(f"There is no fault {kind!r}; there are {', '.join(FAULTS)}.")
        if not 0 <= self.rate <= 1:
            raise ConfigError(f"The rate is from 0 to 1, not {self.rate}.")
        if self.times is not None and self.times < 0:
            raise ConfigError(f"The number of times is 0 or more, not {self.times}.")
        if not 0 <= self.slow_seconds < float("inf"):
            raise ConfigError(f"A slow answer waits 0 seconds or more, not {self.slow_seconds}.")

    @property
    def names(self) -> tuple[str, ...]:
        """Return the misbehaviours to choose from, each once, in the order they are named."""
        return tuple(dict.fromkeys(name for kind in self.kinds for name in _expand(kind)))


Faults: TypeAlias = FaultPlan | Iterable[str] | None
"""What may be given as `faults=`: `"all"`, a name, several names, a plan; None for honesty."""


def as_plan(wish: Faults) -> FaultPlan:
    """Make a plan of what was given.

    Raises:
        ConfigError: a name fits no misbehaviour.
    """
    if isinstance(wish, FaultPlan):
        return wish
    if wish is None:
        return FaultPlan(kinds=())
    names = [wish] if isinstance(wish, str) else [*wish]
    return FaultPlan(kinds=tuple("*" if name == "all" else name for name in names))


@dataclass(frozen=True, slots=True, kw_only=True)
class Honest:
    """An answer as it should go out.

    Attributes:
        spell: makes the provider's form of a completion.
    """

    completion: Completion
    asked: Asked
    door: Door
    spell: Callable[[Completion], Spelled]


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxAnswer:
    """An answer that the sandbox gave.

    Attributes:
        intended: the correct answer, with its calls.
        fault: what was made wrong in it, by its name in `FAULTS`; None if nothing was.
    """

    intended: Completion
    fault: str | None = None


class FaultInjector:
    """Chooses for each answer of a sandbox, and remembers what was given."""

    def __init__(self, plan: FaultPlan) -> None:
        self._plan = plan
        self._names = plan.names
        self._next = 0
        self._done = 0
        self.answers: list[SandboxAnswer] = []

    def give(self, honest: Honest) -> Sent:
        """Return what goes out in place of an honest answer, or that answer."""
        rng = Random(f"{self._plan.seed} {len(self.answers)}")  # noqa: S311 - keeps no secret
        for name in self._candidates(rng):
            sent = _spoil(name, honest, rng)
            if sent is None:
                continue
            self._done += 1
            if self._plan.sequential:
                self._next = self._names.index(name) + 1
            self.answers.append(SandboxAnswer(intended=honest.completion, fault=name))
            if name == "slow" and isinstance(sent, RawReply):
                return replace(sent, wait_seconds=self._plan.slow_seconds)
            return sent
        self.answers.append(SandboxAnswer(intended=honest.completion))
        return as_reply(honest.spell(honest.completion))

    def _candidates(self, rng: Random) -> Iterator[str]:
        """Yield what to try for the next answer, first choice first."""
        plan = self._plan
        if plan.times is not None and self._done >= plan.times:
            return
        if rng.random() >= plan.rate:
            return
        if plan.sequential:
            at = self._next % len(self._names) if self._names else 0
            yield from (*self._names[at:], *self._names[:at])
        else:
            yield from rng.sample(self._names, len(self._names))


def _spoil(name: str, honest: Honest, rng: Random) -> Sent | None:
    """Return an answer spoiled in one way, or None where it cannot be."""
    if name in ANSWER_CHANGES:
        if honest.door != "chat" and name not in _IN_ANY_FORM:
            return None
        changed = ANSWER_CHANGES[name](honest.completion, honest.asked, rng)
        return None if changed is None else as_reply(honest.spell(changed))
    spelled = honest.spell(honest.completion)
    if name in FORM_CHANGES:
        respelled = FORM_CHANGES[name](spelled, rng) if honest.door == "chat" else None
        return None if respelled is None else as_reply(respelled)
    return BYTES_CHANGES[name](as_reply(spelled), rng)


def _expand(kind: str) -> Sequence[str]:
    """Return the misbehaviours that a name or a pattern stands for."""
    if kind in _NAMES:
        return (kind,)
    return FAULTS if kind == "*" else fnmatch.filter(FAULTS, kind)
