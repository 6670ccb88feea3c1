"""Compile and render a complete conversation for Mixtral, in one step.

In:  a request; messages and tools.
Out: the compiled messages; the prompt, as the pieces that a dialect encodes one by one.
"""

from collections.abc import Sequence

from agentkit.chat import ModelRequest, ToolSpec
from agentkit.dialect.mistral_prompt import BEGIN, Part, message_parts, offer_parts, render
from agentkit.dialect.mistral_rules import MistralRules
from agentkit.message import Message, SystemMessage


def compile_history(request: ModelRequest) -> list[Message]:
    """Return the complete conversation of `request` within the rules, system message first."""
    rules = MistralRules()
    final = [message for ours in request.history for message in rules.add(ours)]
    return [*rules.opening(request.instructions), *final, *rules.ending()]


def prompt_text(messages: Sequence[Message], tools: Sequence[ToolSpec] = ()) -> str:
    """Return the complete prompt, `<s>` first; most servers add that token themselves."""
    return render(prompt_parts(messages, tools))


def prompt_parts(messages: Sequence[Message], tools: Sequence[ToolSpec] = ()) -> list[Part]:
    """Return the parts of a complete prompt.

    Args:
        messages: compiled; the last user message gets tools and system text.
        tools: the offered tools; may be empty.
    """
    system = "\n\n".join(message.text for message in messages if isinstance(message, SystemMessage))
    others = [message for message in messages if not isinstance(message, SystemMessage)]
    last = max((i for i, message in enumerate(others) if message.role == "user"), default=-1)
    parts = [Part(text=BEGIN, kind="marker")]
    for position, message in enumerate(others):
        if position == last:
            parts += offer_parts(tools)
            parts += message_parts(message, system=system)
        else:
            parts += message_parts(message)
    return parts
