"""agentkit, asked the question that the other frameworks are asked."""

from agentkit import Agent, tool
from agentkit.model import HttpSettings
from agentkit.model.build import build_model
from benchmarks.question import Question, UnsuccessfulError


async def ask(question: Question) -> str:
    """Return the answer to a question."""
    http = HttpSettings(
        first_byte_seconds=question.timeout_seconds, idle_seconds=question.timeout_seconds
    )
    model = build_model("openai-compatible:m", base_url=question.url, api_key="none", http=http)
    agent = Agent(model, tools=[tool(question.tool())])
    if not question.is_streamed:
        result = await agent.run(question.prompt)
        text = result.output if result.has_output else result.text
    else:
        async with agent.stream(question.prompt) as run:
            text = "".join([piece async for piece in run.text_stream()])
        result = run.result
    if result.stop_reason != "answered":
        raise UnsuccessfulError(f"stop_reason is {result.stop_reason}")
    return text
