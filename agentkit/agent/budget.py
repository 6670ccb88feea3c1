"""How far a run may go.

In:  limits from the agent or from one call of `run`.
Out: `Budget`, a value; `agent.step` decides by it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The limits of one run.

    At a limit the model is asked once more, without tools, for the best answer from what it has.

    Attributes:
        turns: most model calls before that last one, 1 or more.
    """

    turns: int = 40

    def __post_init__(self) -> None:
        if self.turns < 1:
            raise ValueError(f"A budget needs at least one turn, not {self.turns}.")
