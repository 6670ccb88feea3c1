"""The question that each framework is asked in front of a faulty provider.

In:  the address of the provider.
Out: `Question`, with its tool and the cities it ran for; `Unsuccessful`, a result that reports that
     it is not an answer.

Nothing of agentkit is loaded here: other frameworks are asked in environments of their own.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

PROMPT = "What is the weather in Oslo and in Rome?"
FORECASTS = {"Oslo": "4 degrees and rain", "Rome": "21 degrees and sun"}


class UnsuccessfulError(Exception):
    """The framework returned, and its result reports that it is not a complete answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question to a provider.

    Attributes:
        url: the base URL of the provider.
        is_streamed: the answer is read as a stream.
        timeout_seconds: how long a client waits for bytes.
        ran: the cities that the tool was run for, in order.
    """

    url: str
    is_streamed: bool
    timeout_seconds: float = 5
    ran: list[str] = field(default_factory=list)

    @property
    def prompt(self) -> str:
        """Return the question."""
        return PROMPT

    def tool(self) -> Callable[[str], Awaitable[str]]:
        """Return the tool, a function with a docstring."""

        async def weather(city: str) -> str:
            """Return the weather forecast for a city.

            Args:
                city: the name of the city, e.g. Paris.
            """
            self.ran.append(city)
            return FORECASTS.get(city, "not known")

        return weather
