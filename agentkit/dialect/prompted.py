"""Tools by prompt, over the OpenAI chat format: for a provider or a model without tool calls.

In:  `ModelRequest` and the profiles of provider and model; later the head of an answer.
Out: `Encoded`, without any field about tools; a decoder for the answer.

The tools are in the system text, earlier calls in the text of assistant messages, and the results
of one turn are one user message, with an assistant message before the next one. A call comes back
as text, and the response builder finds it there. A tool choice can only be requested as text;
whether the model respected it shows in the answer.
"""

from dataclasses import replace

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
from agentkit.wire import WireHead

# There is no field for the choice: one tool is forced by offering no other.
_NO_FIELDS = Accepts(tool_choice=frozenset())


class Prompted:
    """The dialect; keeps what it encoded, so that a turn encodes only what is new."""

    def __init__(self) -> None:
        self._chat = OpenAIChat()
        self._transcripts: TranscriptStore[_PromptedTranscript] = TranscriptStore()
        self._offers = {rules: ToolCache(words.offer) for rules, words in PROMPT_FORMATS.items()}

    def encode(
        self, request: ModelRequest, *, provider: ProviderProfile, model: ModelProfile
    ) -> Encoded:
        """Encode `request` for this provider and model.

        Raises:
            UnsupportedError: this model at this provider cannot do what is asked.
        """
        tools = offer_tools(request, _NO_FIELDS).tools
        transcript = self._transcripts.follow(
            request.history,
            lambda: _PromptedTranscript(PROMPT_FORMATS[model.rules]),
            variant=model.rules,
        )
        parts = [request.instructions]
        if tools:
            parts.append(self._offers[model.rules].encode(tools))
            parts.append(choice_instruction(request.tool_choice))
            parts.append(ONE_CALL if request.settings.parallel_tool_calls is False else "")
        elif transcript.has_calls:
            parts.append(NO_CALLS)
        prompted = replace(
            request,
            history=transcript.history,
            instructions="\n\n".join(text for text in parts if text.strip()),
            tools=(),
            tool_choice=ToolChoice(),
        )
        encoded = self._chat.encode(prompted, provider=provider, model=model)
        names = changed_names(tool.name for tool in tools)
        return replace(encoded, tool_names=names, calls_in_text=True)

    def decoder(self, head: WireHead) -> Decoder:
        """Return a reader for the answer that has this head."""
        return self._chat.decoder(head)


class _PromptedTranscript:
    """One conversation with its calls and results as text."""

    def __init__(self, words: PromptFormat) -> None:
        self.history = History()
        self.has_calls = False
        self.size_bytes = 0
        self._words = words
        self._results: list[ToolResult] = []
        self._open = 0
        self._after_results = False

    def add(self, message: Message) -> None:
        """Add the next message; results are added when all of their turn are there."""
        if isinstance(message, ToolResult):
            self._results.append(message)
            self._open -= 1
            if self._open == 0:
                self._append(UserMessage(self._words.results(self._results)))
                self._results = []
                self._after_results = True
            return
        if self._after_results and isinstance(message, UserMessage):
            self._append(AssistantMessage(UNDERSTOOD))
        self._after_results = isinstance(message, SystemMessage) and self._after_results
        self._append(self._rewrite(message))

    def _rewrite(self, message: Message) -> Message:
        """Return a message with its calls as text."""
        if not isinstance(message, AssistantMessage) or not message.tool_calls:
            return message
        self.has_calls = True
        self._open = len(message.tool_calls)
        calls = self._words.calls(message.tool_calls)
        said = message.text.strip()
        return AssistantMessage(f"{said}\n\n{calls}" if said else calls)

    def _append(self, message: Message) -> None:
        self.history += [message]
        self.size_bytes += len(message.text)
