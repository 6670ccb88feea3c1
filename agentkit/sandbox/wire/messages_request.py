"""Read a request in the Anthropic messages form as one provider takes it.

In:  the JSON of a request; the provider's form.
Out: `Asked`, or the `Refusal` that the provider would give.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise

from pydantic import ValidationError

from agentkit.chat import ToolChoice, ToolSpec
from agentkit.sandbox.planner.question import Ask, Asked, Made
from agentkit.sandbox.wire.chat_request import refuse_model
from agentkit.sandbox.wire.messages_body import (
    AutoChoice,
    Block,
    CountBody,
    MessagesBody,
    TextBlock,
    ToolResultBlock,
    ToolUseBlock,
    TurnBody,
    blocks_of,
    plain_text,
)
from agentkit.sandbox.wire.mistral_checks import wrong_id
from agentkit.sandbox.wire.provider_format import ProviderFormat
from agentkit.sandbox.wire.request_errors import Refusal, of_fault, of_fields


def read_messages(
    text: bytes, *, form: ProviderFormat, today: date, is_count: bool = False
) -> Asked | Refusal:
    """Read a request, or say why it is refused.

    Args:
        text: the body.
        form: the provider's.
        today: what "today" means.
        is_count: only the tokens are to be counted.
    """
    try:
        body = (CountBody if is_count else MessagesBody).model_validate_json(text)
    except ValidationError as error:
        return of_fields(error)
    refused = refuse_model(body.model, form)
    if refused is not None:
        return refused
    fault = next(_find_faults(body), None)
    if fault is not None:
        return Refusal(message=fault)
    if form.takes.checks_ids and (refused := _refuse_ids(body.messages)) is not None:
        return refused
    return _as_asked(body, form=form, today=today)


def _find_faults(body: CountBody) -> Iterator[str]:
    if body.messages[0].role != "user":
        yield 'messages: first message must use the "user" role'
    for place, turn in enumerate(body.messages):
        yield from _find_turn_faults(turn, place=place)
    if _uses(body.messages[-1]):
        yield "messages: `tool_use` ids were found without `tool_result` blocks after them"
    for place, (before, after) in enumerate(pairwise(body.messages)):
        yield from _find_pair_faults(before, after, place=place)
    seen = [use.id for turn in body.messages for use in _uses(turn)]
    if len(seen) != len(set(seen)):
        yield "messages: `tool_use` ids must be unique"
    names = {tool.name for tool in body.tools}
    if len(names) != len(body.tools):
        yield "tools: Tool names must be unique."
    yield from _find_choice_faults(body, names)


def _find_turn_faults(turn: TurnBody, *, place: int) -> Iterator[str]:
    for block in blocks_of(turn):
        match block:
            case TextBlock() if not block.text.strip():
                yield f"messages.{place}: text content blocks must contain non-whitespace text"
            case ToolUseBlock() if turn.role == "user":
                yield f"messages.{place}: `tool_use` blocks can only be in `assistant` messages"
            case ToolResultBlock() if turn.role == "assistant":
                yield f"messages.{place}: `tool_result` blocks can only be in `user` messages"
            case _:
                pass  # it is where it may be


def _find_pair_faults(before: TurnBody, after: TurnBody, *, place: int) -> Iterator[str]:
    """Find calls without results in the next turn, and results without calls in the one before."""
    asked = [use.id for use in _uses(before)]
    given = [block.tool_use_id for block in blocks_of(after) if isinstance(block, ToolResultBlock)]
    missing = [one for one in asked if one not in given]
    if missing:
        yield (
            f"messages.{place}: `tool_use` ids were found without `tool_result` blocks immediately "
            f"after: {', '.join(missing)}"
        )
    odd = [one for one in given if one not in asked]
    if odd:
        yield f"messages.{place + 1}: unexpected `tool_use_id` found in `tool_result`: {odd[0]}"
    kinds = [isinstance(block, ToolResultBlock) for block in blocks_of(after)]
    if kinds != sorted(kinds, reverse=True):
        yield f"messages.{place + 1}: `tool_result` blocks must come first in the content"


def _find_choice_faults(body: CountBody, names: set[str]) -> Iterator[str]:
    choice = body.tool_choice
    if choice is not None and not names:
        yield "tool_choice may only be specified while providing tools"
    elif choice is not None and not isinstance(choice, AutoChoice) and choice.name not in names:
        yield f"tool_choice: Tool '{choice.name}' not found in provided tools"


def _refuse_ids(turns: Sequence[TurnBody]) -> Refusal | None:
    """Refuse ids that the model's template does not take, whatever this form says."""
    ids = (use.id for turn in turns for use in _uses(turn))
    fault = next(filter(None, map(wrong_id, ids)), None)
    return None if fault is None else of_fault(fault)


def _uses(turn: TurnBody) -> list[ToolUseBlock]:
    return [block for block in blocks_of(turn) if isinstance(block, ToolUseBlock)]


def _as_asked(body: CountBody, *, form: ProviderFormat, today: date) -> Asked:
    whole = body if isinstance(body, MessagesBody) else None
    sent = body.model_dump_json(include={"system", "messages", "tools", "tool_choice"})
    return Asked(
        model=body.model,
        ask=_as_ask(body, form=form, today=today),
        sent=f"{body.model}\n{sent}",
        used_ids=frozenset(use.id for turn in body.messages for use in _uses(turn)),
        max_tokens=None if whole is None else whole.max_tokens,
        stop=() if whole is None else tuple(whole.stop_sequences),
        is_stream=whole is not None and whole.stream,
    )


def _as_ask(body: CountBody, *, form: ProviderFormat, today: date) -> Ask:
    """Tell the planner what matters to it; what the user said beside results is a new question."""
    question, made, earlier = "", list[Made](), list[Made]()
    calls: list[ToolUseBlock] = []
    for turn in body.messages:
        blocks = blocks_of(turn)
        if turn.role == "assistant":
            calls = _uses(turn)
            continue
        made += _pair(calls, blocks)
        calls = []
        said = "".join(block.text for block in blocks if isinstance(block, TextBlock))
        if said:
            question, earlier, made = said, [*earlier, *made], []
    choice = body.tool_choice
    is_single = choice is not None and choice.disable_parallel_tool_use
    return Ask(
        question=question,
        tools=tuple(
            ToolSpec(name=tool.name, description=tool.description, input_schema=tool.input_schema)
            for tool in body.tools
        ),
        choice=_as_choice(body, form),
        made=tuple(made),
        earlier=tuple(earlier),
        parallel=form.takes.parallel and not is_single,
        today=today,
    )


def _pair(calls: Sequence[ToolUseBlock], blocks: Sequence[Block]) -> list[Made]:
    results = {
        block.tool_use_id: plain_text(block.content)
        for block in blocks
        if isinstance(block, ToolResultBlock)
    }
    return [Made(name=c.name, arguments=c.input, result=results.get(c.id)) for c in calls]


def _as_choice(body: CountBody, form: ProviderFormat) -> ToolChoice:
    choice = body.tool_choice
    if choice is None:
        return ToolChoice()
    if not isinstance(choice, AutoChoice):
        is_heeded = "named" not in form.takes.unheeded
        return ToolChoice(mode="required", name=choice.name) if is_heeded else ToolChoice()
    if choice.type == "none":
        return ToolChoice(mode="auto" if "none" in form.takes.unheeded else "none")
    return ToolChoice(mode="required" if choice.type == "any" else "auto")
