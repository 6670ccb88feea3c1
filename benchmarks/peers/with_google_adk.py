"""google-adk, as one writes it for an OpenAI-compatible provider."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import update_wrapper
from types import FunctionType

from google.adk.agents import LlmAgent
from google.adk.agents.run_config import RunConfig, StreamingMode
from google.adk.models.lite_llm import LiteLlm
from google.adk.runners import InMemoryRunner
from google.genai import types

from benchmarks.case import PROMPT, Case
from benchmarks.question import Question, UnsuccessfulError


@asynccontextmanager
async def opened(case: Case, url: str) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Yield a run."""
    model = LiteLlm(model="openai/m", api_base=url, api_key="none")
    tools = [_named(each, name) for name, each in case.functions().items()]

    async def run() -> str:
        return await _run(model, tools, PROMPT, is_streamed=bool(case.deltas))

    yield run


def _named(function: Callable[..., object], name: str) -> Callable[..., object]:
    """Return a copy of a function with another name: a tool has the name of its function."""
    if not isinstance(function, FunctionType):
        raise TypeError("a tool of a case is a function")
    code, variables = function.__code__, function.__closure__
    copied = FunctionType(code, function.__globals__, name, closure=variables)
    return update_wrapper(copied, function, assigned=("__doc__", "__annotations__"))


async def ask(question: Question) -> str:
    """Return the answer to a question."""
    model = LiteLlm(
        model="openai/m", api_base=question.url, api_key="none", timeout=question.timeout_seconds
    )
    return await _run(model, [question.tool()], question.prompt, is_streamed=question.is_streamed)


async def _run(
    model: LiteLlm,
    tools: Sequence[Callable[..., object]],
    prompt: str,
    *,
    is_streamed: bool,
) -> str:
    """Return the final text of a run in a session of its own."""
    runner = InMemoryRunner(LlmAgent(name="agent", model=model, tools=list(tools)), app_name="app")
    session = await runner.session_service.create_session(app_name="app", user_id="user")
    mode = StreamingMode.SSE if is_streamed else StreamingMode.NONE
    text = ""
    async for event in runner.run_async(
        user_id="user",
        session_id=session.id,
        new_message=types.Content(role="user", parts=[types.Part(text=prompt)]),
        run_config=RunConfig(streaming_mode=mode),
    ):
        if event.error_code:
            raise UnsuccessfulError(f"{event.error_code}: {event.error_message}")
        if event.is_final_response() and event.content and not event.partial:
            text = "".join(part.text or "" for part in event.content.parts or ())
    return text
