"""Inject into responses the faults that real providers have, the same ones for the same seed.

In:  a correct response, and the faults to choose from.
Out: the bytes that are sent, and the name of the fault; None if the response stays correct.

There are faults of three kinds: of the answer (`answer_faults`), of its format (`format_faults`,
for the OpenAI chat format) and of its bytes (`byte_faults`). A fault that does not apply to a
response, such as wrong ids if there are no calls, is skipped and the next one is tried.
"""

import fnmatch
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import TypeAlias

from agentkit.errors import ConfigError
from agentkit.sandbox.faults.answer_faults import ANSWER_FAULTS
from agentkit.sandbox.faults.byte_faults import BYTE_FAULTS, SentReply
from agentkit.sandbox.faults.format_faults import FORMAT_FAULTS
from agentkit.sandbox.http_server import RawReply
from agentkit.sandbox.wire.completion import Completion, CompletionRequest
from agentkit.sandbox.wire.encoded_response import EncodedResponse, as_reply
from agentkit.sandbox.wire.provider_format import Endpoint
from agentkit.value import dataclass

FAULTS: tuple[str, ...] = (*ANSWER_FAULTS, *FORMAT_FAULTS, *BYTE_FAULTS)
"""The names of all faults."""

_NAMES = frozenset(FAULTS)
_IN_ANY_FORMAT = frozenset({"empty", "blank", "cut_by_limit", "no_call"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """Which responses get a fault, and which one.

    Attributes:
        kinds: names of `FAULTS`, or patterns of them such as `text_call*`.
        seed: the same seed gives the same faults for the same requests.
        rate: the share of responses that get a fault, from 0 to 1.
        sequential: take the kinds in their order, over and over, and not at random.
        times: how many responses get a fault at most; None for no limit.
        slow_seconds: how long `slow` waits before it answers.

    Raises:
        ConfigError: a name matches no fault, or a number is out of its range.
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
        """Return the faults to choose from, each once, in the order they are named."""
        return tuple(dict.fromkeys(name for kind in self.kinds for name in _expand(kind)))


Faults: TypeAlias = FaultPlan | Iterable[str] | None
"""What `faults=` accepts: `"all"`, a name, several names, a plan; None for no faults."""


def as_plan(faults: Faults) -> FaultPlan:
    """Return the plan that `faults` stands for.

    Raises:
        ConfigError: a name matches no fault.
    """
    if isinstance(faults, FaultPlan):
        return faults
    if faults is None:
        return FaultPlan(kinds=())
    names = [faults] if isinstance(faults, str) else [*faults]
    return FaultPlan(kinds=tuple("*" if name == "all" else name for name in names))


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectAnswer:
    """An answer before a fault is injected.

    Attributes:
        encode: encodes a completion in the provider's format.
    """

    completion: Completion
    request: CompletionRequest
    endpoint: Endpoint
    encode: Callable[[Completion], EncodedResponse]


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxAnswer:
    """An answer that the sandbox sent.

    Attributes:
        intended: the correct answer, with its calls.
        fault: the fault that was injected, by its name in `FAULTS`; None if there was none.
    """

    intended: Completion
    fault: str | None = None


class FaultInjector:
    """Chooses a fault for each answer of a sandbox, and records what was sent."""

    def __init__(self, plan: FaultPlan) -> None:
        self._plan = plan
        self._names = plan.names
        self._next = 0
        self._injected = 0
        self.answers: list[SandboxAnswer] = []

    def send(self, correct: CorrectAnswer) -> SentReply:
        """Return what is sent: the correct answer, or one with a fault."""
        rng = Random(f"{self._plan.seed} {len(self.answers)}")  # noqa: S311 - keeps no secret
        for name in self._candidates(rng):
            sent = _inject(name, correct, rng)
            if sent is None:
                continue
            self._injected += 1
            if self._plan.sequential:
                self._next = self._names.index(name) + 1
            self.answers.append(SandboxAnswer(intended=correct.completion, fault=name))
            if name == "slow" and isinstance(sent, RawReply):
                return replace(sent, wait_seconds=self._plan.slow_seconds)
            return sent
        self.answers.append(SandboxAnswer(intended=correct.completion))
        return as_reply(correct.encode(correct.completion))

    def _candidates(self, rng: Random) -> Iterator[str]:
        """Yield the faults to try for the next answer, the first choice first."""
        plan = self._plan
        if plan.times is not None and self._injected >= plan.times:
            return
        if rng.random() >= plan.rate:
            return
        if plan.sequential:
            at = self._next % len(self._names) if self._names else 0
            yield from (*self._names[at:], *self._names[:at])
        else:
            yield from rng.sample(self._names, len(self._names))


def _inject(name: str, correct: CorrectAnswer, rng: Random) -> SentReply | None:
    """Return an answer with one fault, or None if the fault does not apply to it."""
    is_chat = correct.endpoint == "chat"
    if name in ANSWER_FAULTS:
        if not is_chat and name not in _IN_ANY_FORMAT:
            return None
        changed = ANSWER_FAULTS[name](correct.completion, correct.request, rng)
        return None if changed is None else as_reply(correct.encode(changed))
    encoded = correct.encode(correct.completion)
    if name in FORMAT_FAULTS:
        faulty = FORMAT_FAULTS[name](encoded, rng) if is_chat else None
        return None if faulty is None else as_reply(faulty)
    return BYTE_FAULTS[name](as_reply(encoded), rng)


def _expand(kind: str) -> Sequence[str]:
    """Return the faults that a name or a pattern matches."""
    if kind in _NAMES:
        return (kind,)
    return FAULTS if kind == "*" else fnmatch.filter(FAULTS, kind)
