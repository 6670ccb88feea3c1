"""A window in use, with its events."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from agentkit.chat import ModelRequest
from agentkit.config.profile import ModelProfile
from agentkit.context.window import ContextSettings, Window
from agentkit.event import ContextTrimmed, RunEvent
from agentkit.message import UserMessage
from agentkit.model.tokens import build_counter
from agentkit.testing.scripted import ScriptedAnswer, ScriptedModel

WORDS = "one line of a file that a tool has read "
TASK = UserMessage("Read all of them.")


def profile(window_tokens: int | None = 2000, **others: Any) -> ModelProfile:
    """Return a model profile with a window."""
    given = {"family": "mixtral-8x22b", "rules": "mistral", **others}
    return ModelProfile(id="m", context_window_tokens=window_tokens, **given)


@dataclass(kw_only=True)
class Fitting:
    """A window in use."""

    window: Window
    model: ScriptedModel = field(default_factory=ScriptedModel)
    events: list[RunEvent] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        *answers: ScriptedAnswer,
        settings: ContextSettings | None = None,
        **profiled: Any,
    ) -> "Fitting":
        """Build one, with a model that writes summaries."""
        window = Window(profile(**profiled), settings or ContextSettings())
        return cls(window=window, model=ScriptedModel(*answers))

    async def fit(self, request: ModelRequest) -> ModelRequest:
        """Trim one request and keep the events."""

        async def keep(event: RunEvent) -> None:
            self.events.append(event)

        return await self.window.fit(request, ask=partial(self.model.chat, emit=keep), emit=keep)

    @property
    def cuts(self) -> list[ContextTrimmed]:
        """Return the events, which are all of trimming."""
        cuts = [event for event in self.events if isinstance(event, ContextTrimmed)]
        assert len(cuts) == len(self.events)
        return cuts


def exact(request: ModelRequest) -> int:
    """Return the tokens of a request, counted from the beginning."""
    return build_counter("mistral").count(request)
