"""Raw prompts: what the planner gets, and the responses."""

from dataclasses import replace
from datetime import date

from agentkit.dialect.event_stream import compact_json
from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.plan_request import CallRecord
from agentkit.sandbox.wire.completion import CompletionRequest
from agentkit.sandbox.wire.prompt_completion import read_prompt
from agentkit.sandbox.wire.providers import PROVIDERS
from agentkit.sandbox.wire.rejection import Rejection
from tests.unit.sandbox.server_client import WEATHER, on_provider, read_event

OFFER = '[AVAILABLE_TOOLS] [{"function": {"name": "f", "parameters": {}}}][/AVAILABLE_TOOLS]'
CALL = '[TOOL_CALLS] [{"name": "f", "arguments": {"x": 1}, "id": "abcdefgh1"}]</s>'
RESULT = '[TOOL_RESULTS] {"content": 7, "call_id": "abcdefgh1"}[/TOOL_RESULTS]'
MADE = CallRecord(name="f", arguments={"x": 1}, result="7")


def _read(prompt: JsonValue, **more: JsonValue) -> CompletionRequest | Rejection:
    form = replace(PROVIDERS["vllm-completions"], models=("m",))
    body: JsonValue = {"model": "m", "prompt": prompt, **more}
    return read_prompt(compact_json(body).encode(), form=form, today=date(2026, 1, 1))


def _asked(prompt: JsonValue, **more: JsonValue) -> CompletionRequest:
    read = _read(prompt, **more)
    assert isinstance(read, CompletionRequest)
    return read


def test_calls_are_paired_with_their_results() -> None:
    """Only the calls after the last question count, and the last offer."""
    first = _asked(f"{OFFER}[INST] go[/INST]{CALL}{RESULT}")
    later = _asked(f"[INST] go[/INST]{CALL}{RESULT} Seven.</s>{OFFER}[INST] and?[/INST]{CALL}")

    assert (first.plan.question, first.plan.made) == ("go", (MADE,))
    assert later.plan.question == "and?"
    assert later.plan.made == (replace(MADE, result=None),)
    assert [tool.name for tool in later.plan.tools] == ["f"]


def test_a_prompt_that_ends_inside_a_call_forces_a_call() -> None:
    """Of any tool, or of the one that is named."""
    free = _asked(f"{OFFER}[INST] go[/INST]")
    forced = _asked(f"{OFFER}[INST] go[/INST][TOOL_CALLS]")
    named = _asked(f'{OFFER}[INST] go[/INST][TOOL_CALLS] [{{"name": "f", "arguments":')

    assert (free.plan.choice.is_forced, free.text_prefix) == (False, "")
    assert (forced.plan.choice.mode, forced.plan.choice.name) == ("required", None)
    assert (named.plan.choice.name, named.text_prefix) == ("f", '[{"name": "f", "arguments":')


def test_fields_of_the_form_are_read() -> None:
    """Unknown ones are ignored."""
    asked = _asked(
        "hi", stop="x", stream=True, stream_options={"include_usage": True}, odd=1, max_tokens=3
    )

    assert (asked.stop, asked.is_stream, asked.wants_usage, asked.max_tokens) == (
        ("x",), True, True, 3,
    )  # fmt: skip
    assert (_asked("hi").max_tokens, _asked("").plan.question) == (16, "")


def test_a_prompt_that_cannot_be_completed_is_rejected() -> None:
    """A prompt of tokens, a model that is not there."""
    tokens, model = _read([1, 2]), _read("hi", model="other")

    assert isinstance(tokens, Rejection)
    assert "prompt: Input should be a valid string" in tokens.message
    assert isinstance(model, Rejection)
    assert model.kind == "model"


async def test_an_answer_is_sent_as_text_complete_and_streamed() -> None:
    """A call without its marker, then words; the key to usage is the request's wish."""
    offer = compact_json([WEATHER])
    prompt = f"[AVAILABLE_TOOLS] {offer}[/AVAILABLE_TOOLS][INST] Weather in Oslo?[/INST]"
    async with on_provider("llamacpp-completions") as on:
        for text in (prompt, "[INST] Tell me a joke[/INST]", f"{prompt}[TOOL_CALLS]"):
            body = {"model": on.model, "prompt": text, "max_tokens": 300}
            complete = (await on.client.post("/completions", json=body)).json()
            asks = {"stream": True, "stream_options": {"include_usage": True}}
            streamed = await on.client.post("/completions", json={**body, **asks})
            plain = await on.client.post("/completions", json={**body, "stream": True})
            events = [read_event(line) for line in streamed.text.split("\n\n") if line]

            said = complete["choices"][0]["text"]
            pieces = [choice["text"] for event in events[:-1] for choice in event["choices"]]
            assert "".join(pieces) == said
            assert said.startswith(" ")
            assert "[TOOL_CALLS]" not in said
            assert events[-2]["usage"] == complete["usage"]
            assert (events[-1], "usage" in plain.text) == ("data: [DONE]", False)
            assert complete["timings"]["prompt_n"] == complete["usage"]["prompt_tokens"]
        refused = await on.client.post("/completions", json={"model": "m"})

    assert refused.json()["error"]["message"] == "prompt: Field required"
