"""What a conversation already holds of a call that was found in an answer.

In:  the history of a request.
Out: whether the text of a call was read before, and whether the model made the call itself.

A call that occurs in a tool result or a user message is a quotation, wherever an answer repeats
it: a web page or a file that holds a call must not be able to make it. The results of rejected
calls, which agentkit writes itself, are not such a source; a model may repeat a call of its own.
Other error results count as sources: a tool's error message may hold text of others.
"""

import json
import re
from html import unescape

from agentkit.dialect.mistral_rules import result_text
from agentkit.history import History
from agentkit.message import AssistantMessage, ToolResult, UserMessage

_WORD = re.compile(r"[A-Za-z0-9]+")
# Not from inside a run of backslashes: the search for its end would be repeated for each of them.
_ESCAPED_CHARACTER = re.compile(r"(?<!\\)\\++u([0-9a-fA-F]{4})")
_UNIMPORTANT = re.compile(r"\\+[nrt]|[\\\s]+")


class Provenance:
    """The conversation before an answer."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._essences: dict[str, str] = {}  # of sources; an answer may hold many calls

    def has_read(self, text: str) -> bool:
        """Return whether the text of a call occurs in something that others wrote.

        Compared without white space and escapes: a result may hold it as JSON text or HTML.
        """
        wanted = _essence(text)
        # A cheap test first: conversations are long, and calls in text may come in every turn.
        probe = max(_WORD.findall(text), key=len, default="")
        return any(probe in one and wanted in self._essence_of(one) for one in self._sources())

    def has_made(self, name: str, arguments: str) -> bool:
        """Return whether the model made this very call before."""
        value = _value(arguments)
        return any(
            call.name == name and call.rejection is None and _value(call.arguments) == value
            for message in self._history
            if isinstance(message, AssistantMessage)
            for call in message.tool_calls
        )

    def was_asked_again(self, rejection: str) -> bool:
        """Return whether the model was told since the last user message that calls were unclear."""
        for message in reversed(self._history):
            if isinstance(message, UserMessage):
                return False
            if isinstance(message, AssistantMessage) and any(
                call.rejection is not None and rejection in call.rejection
                for call in message.tool_calls
            ):
                return True
        return False

    def _essence_of(self, source: str) -> str:
        if source not in self._essences:
            self._essences[source] = _essence(source)
        return self._essences[source]

    def _sources(self) -> list[str]:
        """Return the texts of the conversation that others than the model and agentkit wrote."""
        found: list[str] = []
        rejected: set[str] = set()
        for message in self._history:
            if isinstance(message, AssistantMessage):
                rejected.update(call.id for call in message.tool_calls if call.rejection)
            elif isinstance(message, UserMessage):
                found.append(message.text)
            elif isinstance(message, ToolResult) and message.call_id not in rejected:
                found.append(result_text(message))
        return found


def _essence(text: str) -> str:
    if "\\" in text:
        text = _ESCAPED_CHARACTER.sub(lambda found: chr(int(found.group(1), 16)), text)
    return _UNIMPORTANT.sub("", unescape(text) if "&" in text else text)


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
