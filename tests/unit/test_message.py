"""Messages and their text."""

from agentkit.content import EmbeddedResource, ReasoningContent, TextContent
from agentkit.message import AssistantMessage, SystemMessage, ToolResult, UserMessage


def test_the_text_of_a_message_is_its_text_blocks_joined() -> None:
    """Reasoning is separate, and other blocks are skipped."""
    message = AssistantMessage(
        content=(
            ReasoningContent("hm, "),
            TextContent("It is "),
            EmbeddedResource(uri="u", text="not said"),
            TextContent("blue."),
            ReasoningContent("yes"),
        )
    )

    assert message.text == "It is blue."
    assert message.reasoning == "hm, yes"
    assert UserMessage("").content == ()
    assert ToolResult("1", "a", is_error=True).text == "a"
    assert SystemMessage("s").role == "system"
