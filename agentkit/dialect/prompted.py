"""Tools by prompt, over the OpenAI chat form: for a host or a model that has no tool calls.

In:  `ModelRequest` and the profiles of host and model; later the head of an answer.
Out: `Encoded`, without any field about tools; a decoder for the answer.

The tools stand in the system text, earlier calls are what the assistant said, and the results of
one turn are one message of the user, with an assistant message before the next one. A call comes
back as text, and whoever folds the answer finds it there. A choice can only be asked for; whether
it was kept shows in the answer.
"""

from agentkit.chat import ModelRequest, ToolChoice
from agentkit.config.profile import Accepts, ModelProfile, ProviderProfile
from agentkit.dialect.base import Decoder, Encoded
from agentkit.dialect.encoding_cache import ToolCache, TranscriptStore
from agentkit.dialect.mistral_rules import UNDERSTOOD
from agentkit.dialect.openai_chat.dialect import OpenAIChat, offer_tools
from agentkit.dialect.prompted_format import (
    NO_CALLS,
    ONE_CALL,
    PROMPT_FORMATS,
    PromptFormat,
    choice_instruction,
)
from agentkit.dialect.tool_names import changed_names
from agentkit.history import History
from agentkit.message import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolResult,
    UserMessage,
)
from agentkit.value import replace
from agentkit.wire import WireHead

# Without fields there are no spellings to choose from: one tool is forced by offering no other.
_NO_FIELDS = Accepts(tool_choice=frozenset())


class Prompted:
    """The dialect; keeps what it encoded, so that a turn encodes only what is new."""

    def __init__(self) -> None:
        self._chat = OpenAIChat()
        self._retellings: TranscriptStore[_Retelling] = TranscriptStore()
        self._offers = {rules: ToolCache(words.offer) for rules, words in PROMPT_FORMATS.items()}

    def encode(
        self, request: ModelRequest, *, provider: ProviderProfile, model: ModelProfile
    ) -> Encoded:
        """Spell `request` for this host and model.

        Raises:
            UnsupportedError: this model on this host cannot do what is asked.
        """
        tools = offer_tools(request, _NO_FIELDS).tools
        retelling = self._retellings.follow(
            request.history, lambda: _Retelling(PROMPT_FORMATS[model.rules]), variant=model.rules
        )
        told = [request.instructions]
        if tools:
            told.append(self._offers[model.rules].encode(tools))
            told.append(choice_instruction(request.tool_choice))
            told.append(ONE_CALL if request.settings.parallel_tool_calls is False else "")
        elif retelling.has_calls:
            told.append(NO_CALLS)
        retold = replace(
            request,
            history=retelling.history,
            instructions="\n\n".join(text for text in told if text.strip()),
            tools=(),
            tool_choice=ToolChoice(),
        )
        encoded = self._chat.encode(retold, provider=provider, model=model)
        names = changed_names(tool.name for tool in tools)
        return replace(encoded, tool_names=names, calls_in_text=True)

    def decoder(self, head: WireHead) -> Decoder:
        """Return a reader for the answer that has this head."""
        return self._chat.decoder(head)


class _Retelling:
    """One conversation, told without calls and results."""

    def __init__(self, words: PromptFormat) -> None:
        self.history = History()
        self.has_calls = False
        self.size_bytes = 0
        self._words = words
        self._results: list[ToolResult] = []
        self._open = 0
        self._after_results = False

    def add(self, message: Message) -> None:
        """Tell the next message; results are told when all of their turn are there."""
        if isinstance(message, ToolResult):
            self._results.append(message)
            self._open -= 1
            if self._open == 0:
                self._tell(UserMessage.of(self._words.results(self._results)))
                self._results = []
                self._after_results = True
            return
        if self._after_results and isinstance(message, UserMessage):
            self._tell(AssistantMessage.of(UNDERSTOOD))
        self._after_results = isinstance(message, SystemMessage) and self._after_results
        self._tell(self._retell(message))

    def _retell(self, message: Message) -> Message:
        """Return a message with its calls in words."""
        if not isinstance(message, AssistantMessage) or not message.tool_calls:
            return message
        self.has_calls = True
        self._open = len(message.tool_calls)
        calls = self._words.calls(message.tool_calls)
        said = message.text.strip()
        return AssistantMessage.of(f"{said}\n\n{calls}" if said else calls)

    def _tell(self, message: Message) -> None:
        self.history = self.history.add(message)
        self.size_bytes += len(message.text)
