"""Read a chat request as one provider takes it.

In:  the JSON of a request; the provider's form.
Out: `Asked`, or the `Refusal` that this provider would give.

Whatever the provider's own names and leniency, what comes out was read as one `ChatBody` and keeps
the rules of the model's family.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, cast

from pydantic import ValidationError

from agentkit.chat import ToolChoice, ToolSpec
from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.question import Ask, Asked, Made
from agentkit.sandbox.wire.chat_body import (
    AssistantBody,
    ChatBody,
    ChosenTool,
    MessageBody,
    ToolBody,
    UserBody,
    text_of,
)
from agentkit.sandbox.wire.mistral_checks import ID_CODE, find_faults
from agentkit.sandbox.wire.prompted_chat import find_prompted
from agentkit.sandbox.wire.provider_format import ChoiceForm, ProviderFormat
from agentkit.sandbox.wire.request_errors import Refusal, of_detail, of_fault, of_fields
from agentkit.sandbox.wire.request_leniency import fit_body
from agentkit.value import dataclass

_NO_PARSER = (
    '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a request says about tools and usage, in the provider's own spelling."""

    choice: ChoiceForm | None = None
    wants_usage: bool = False


def read_chat(text: bytes, *, form: ProviderFormat, today: date) -> Asked | Refusal:
    """Read a request, or say why it is refused."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Refusal(message=f"The body is not JSON: {error}.")
    if not isinstance(raw, dict):
        return Refusal(message="The body is not a JSON object.")
    fitted = fit_body(raw, form.takes)
    if isinstance(fitted, Refusal):
        return fitted
    wish = _read_wish(raw)
    refused = _refuse_choice(wish.choice, form)
    if refused is not None:
        return refused
    if wish.choice in form.takes.unheeded:
        fitted.pop("tool_choice")
    try:
        # As JSON, not as values: half a surrogate pair is refused there.
        body = ChatBody.model_validate_json(json.dumps(fitted))
    except ValidationError as error:
        return of_fields(error)
    return _check(body, form) or _as_asked(body, wish, form=form, today=today)


def refuse_model(model: str, form: ProviderFormat) -> Refusal | None:
    """Refuse an id that the provider does not have."""
    if form.takes.any_model or model in form.models:
        return None
    message = {
        "mistral": f"Invalid model: {model}",
        "openrouter": f"{model} is not a valid model ID",
    }.get(form.errors, f"The model '{model}' does not exist.")
    return Refusal(message=message, why="model", type="invalid_model", code="1500")


def _read_wish(raw: Mapping[str, Any]) -> Wish:
    choice = raw.get("tool_choice")
    usage, options = raw.get("usage"), raw.get("stream_options")
    return Wish(
        choice=_choice_form(choice),
        wants_usage=(isinstance(usage, dict) and usage.get("include") is True)
        or (isinstance(options, dict) and options.get("include_usage") is True),
    )


def _choice_form(choice: object) -> ChoiceForm | None:
    """Return how a choice is spelled; what is no spelling at all is refused with the fields."""
    if isinstance(choice, dict):
        return "named"
    return (
        cast(ChoiceForm, choice) if isinstance(choice, str) else None
    )  # may be an unknown word: refused


def _refuse_choice(choice: ChoiceForm | None, form: ProviderFormat) -> Refusal | None:
    """Refuse a spelling of the tool choice that the provider does not take."""
    takes = form.takes
    if choice is None or choice in takes.choices or choice in takes.unheeded:
        return None
    if not takes.choices:
        return Refusal(message=_NO_PARSER, why="tools", type="BadRequestError")
    if form.errors == "openrouter":
        message = "No endpoints found that support the provided 'tool_choice' value."
        return Refusal(message=message, why="tools", status=404)
    words = sorted(takes.choices - {"named"})
    if choice == "named" and form.errors == "text":
        message = f"Invalid tool_choice type: 'object'. Supported string values: {', '.join(words)}"
        return Refusal(message=message, why="tools")
    message = f"Input should be {', '.join(map(repr, words[:-1]))} or {words[-1]!r}"
    return of_detail([{"type": "enum", "loc": ["body", "tool_choice"], "msg": message}])


def _check(body: ChatBody, form: ProviderFormat) -> Refusal | None:
    """Refuse what the provider's model, its missing tools or its template would."""
    if (refused := refuse_model(body.model, form)) is not None:
        return refused
    if body.tools and body.model in form.takes.toolless:
        message = f"registry.ollama.ai/library/{body.model} does not support tools"
        return Refusal(message=message, why="tools", type="api_error")
    faults = find_faults(body)
    if not form.takes.checks_ids:
        faults = (fault for fault in faults if fault.code != ID_CODE)
    fault = next(iter(faults), None)
    return None if fault is None else of_fault(fault)


def _as_asked(body: ChatBody, wish: Wish, *, form: ProviderFormat, today: date) -> Asked:
    prompted = None if body.tools else find_prompted(body.messages)
    is_text = prompted is not None or form.gives.calls_as_text
    stop = body.stop
    sent = body.model_dump_json(include={"messages", "tools", "tool_choice"})
    return Asked(
        model=body.model,
        ask=_as_ask(body, form=form, today=today)
        if prompted is None
        else prompted.as_ask(today=today),
        sent=f"{body.model}\n{sent}",
        used_ids=_find_ids(body.messages),
        max_tokens=body.max_tokens,
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        is_stream=body.stream,
        wants_usage=wish.wants_usage,
        in_words="marked" if is_text else "no",
    )


def _find_ids(messages: Sequence[MessageBody]) -> frozenset[str]:
    """Return the ids of all calls in the conversation."""
    return frozenset(
        call.id
        for message in messages
        if isinstance(message, AssistantBody)
        for call in message.tool_calls or ()
    )


def _as_ask(body: ChatBody, *, form: ProviderFormat, today: date) -> Ask:
    """Tell the planner what matters to it."""
    start = max((i for i, m in enumerate(body.messages) if isinstance(m, UserBody)), default=-1)
    asked = body.messages[start] if start >= 0 else None
    parallel = body.parallel_tool_calls
    return Ask(
        question=text_of(asked.content) if isinstance(asked, UserBody) else "",
        tools=tuple(
            ToolSpec(
                name=offer.function.name,
                description=offer.function.description,
                input_schema=offer.function.parameters,
            )
            for offer in body.tools or ()
        ),
        choice=_as_choice(body.tool_choice),
        made=find_made(body.messages[start + 1 :]),
        earlier=find_made(body.messages[: start + 1]),
        parallel=form.takes.parallel if parallel is None else parallel,
        today=today,
    )


def _as_choice(choice: str | ChosenTool) -> ToolChoice:
    if isinstance(choice, ChosenTool):
        return ToolChoice(mode="required", name=choice.function.name)
    return ToolChoice.parse("required" if choice == "any" else choice)


def find_made(messages: Sequence[MessageBody]) -> tuple[Made, ...]:
    """Pair calls with their results, by id as far as ids go, else by place."""
    made: list[Made] = []
    for position, message in enumerate(messages):
        if not isinstance(message, AssistantBody):
            continue
        calls = message.tool_calls or []
        results = [m for m in messages[position + 1 :][: len(calls)] if isinstance(m, ToolBody)]
        by_id = {result.tool_call_id: result.content for result in results}
        are_ids_distinct = len({call.id for call in calls}) == len(calls)
        for place, call in enumerate(calls):
            at_place = results[place].content if place < len(results) else None
            result = by_id.get(call.id) if are_ids_distinct else at_place
            arguments = _read_arguments(call.function.arguments)
            made.append(Made(name=call.function.name, arguments=arguments, result=result))
    return tuple(made)


def _read_arguments(arguments: str | dict[str, JsonValue]) -> Mapping[str, JsonValue]:
    if isinstance(arguments, dict):
        return arguments
    try:
        value = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return {}  # a broken call of an earlier answer: it only tells that a call was made
    return value if isinstance(value, dict) else {}
