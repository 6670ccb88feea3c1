"""Tool calls as the model families write them.

In:  calls: names and arguments of text.
Out: the text of each format.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

Calls: TypeAlias = Sequence[tuple[str, Mapping[str, str]]]
Format: TypeAlias = Callable[[Calls], str]

_BAR, _SPACE = "\uff5c", "\u2581"


def _objects(calls: Calls) -> list[str]:
    return [json.dumps({"name": name, "arguments": arguments}) for name, arguments in calls]


def _python(calls: Calls) -> list[str]:
    return [
        f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"
        for name, arguments in calls
    ]


def mistral_v3(calls: Calls) -> str:
    """Mixtral, Mistral 7B v0.3."""
    return f"[TOOL_CALLS] [{', '.join(_objects(calls))}]"


def mistral_v11(calls: Calls) -> str:
    """Mistral Small 3.2, with call ids."""
    return "".join(
        f"[TOOL_CALLS]{name}[CALL_ID]abcdefgh{at}[ARGS]{json.dumps(arguments)}"
        for at, (name, arguments) in enumerate(calls)
    )


def mistral_v13(calls: Calls) -> str:
    """Devstral, Ministral, Magistral."""
    return "".join(f"[TOOL_CALLS]{name}[ARGS]{json.dumps(args)}" for name, args in calls)


def hermes(calls: Calls) -> str:
    """Hermes, Qwen 2.5 and 3."""
    return "\n".join(f"<tool_call>\n{one}\n</tool_call>" for one in _objects(calls))


def granite(calls: Calls) -> str:
    """Granite."""
    return f"<|tool_call|>[{', '.join(_objects(calls))}]"


def qwen_xml(calls: Calls) -> str:
    """Qwen3-Coder, Qwen 3.5."""
    return "\n".join(
        f"<tool_call>\n<function={name}>\n"
        + "".join(f"<parameter={key}>\n{value}\n</parameter>\n" for key, value in args.items())
        + "</function>\n</tool_call>"
        for name, args in calls
    )


def llama_tag(calls: Calls) -> str:
    """Llama 3 with its tag."""
    return "<|python_tag|>" + "; ".join(_objects(calls))


def llama_function(calls: Calls) -> str:
    """Llama 3.1 with user-defined functions."""
    return "".join(f"<function={name}>{json.dumps(args)}</function>" for name, args in calls)


def llama_python(calls: Calls) -> str:
    """Llama 4 with its tags."""
    return f"<|python_start|>[{', '.join(_python(calls))}]<|python_end|>"


def deepseek_v3(calls: Calls) -> str:
    """DeepSeek V3 and R1."""
    begin, sep, end = _token("tool call begin"), _token("tool sep"), _token("tool call end")
    inner = "\n".join(
        f"{begin}function{sep}{name}\n```json\n{json.dumps(args)}\n```{end}" for name, args in calls
    )
    return f"{_token('tool calls begin')}{inner}{_token('tool calls end')}"


def deepseek_v31(calls: Calls) -> str:
    """DeepSeek V3.1."""
    begin, sep, end = _token("tool call begin"), _token("tool sep"), _token("tool call end")
    inner = "".join(f"{begin}{name}{sep}{json.dumps(args)}{end}" for name, args in calls)
    return f"{_token('tool calls begin')}{inner}{_token('tool calls end')}"


def _token(words: str) -> str:
    return f"<{_BAR}{words.replace(' ', _SPACE)}{_BAR}>"


def deepseek_dsml(calls: Calls) -> str:
    """DeepSeek V3.2 and V4."""
    mark = f"{_BAR}DSML{_BAR}"
    inner = "".join(
        f'<{mark}invoke name="{name}">\n'
        + "".join(
            f'<{mark}parameter name="{key}" string="true">{value}</{mark}parameter>\n'
            for key, value in args.items()
        )
        + f"</{mark}invoke>\n"
        for name, args in calls
    )
    return f"<{mark}function_calls>\n{inner}</{mark}function_calls>"


def glm_45(calls: Calls) -> str:
    """GLM 4.5 and 4.6."""
    return "\n".join(
        f"<tool_call>{name}\n"
        + "".join(
            f"<arg_key>{key}</arg_key>\n<arg_value>{value}</arg_value>\n"
            for key, value in args.items()
        )
        + "</tool_call>"
        for name, args in calls
    )


def glm_47(calls: Calls) -> str:
    """GLM 4.7 and 5."""
    return "".join(
        f"<tool_call>{name}"
        + "".join(
            f"<arg_key>{key}</arg_key><arg_value>{value}</arg_value>" for key, value in args.items()
        )
        + "</tool_call>"
        for name, args in calls
    )


def kimi_k2(calls: Calls) -> str:
    """Kimi K2."""
    inner = "".join(
        f"<|tool_call_begin|>functions.{name}:{at}<|tool_call_argument_begin|>{json.dumps(args)}"
        "<|tool_call_end|>"
        for at, (name, args) in enumerate(calls)
    )
    return f"<|tool_calls_section_begin|>{inner}<|tool_calls_section_end|>"


def kimi_k3(calls: Calls) -> str:
    """Kimi K3."""
    inner = "".join(
        f'<|open|>call tool="{name}" index="{at}"<|sep|>'
        + "".join(
            f'<|open|>argument key="{key}" type="string"<|sep|>{value}<|close|>argument<|sep|>'
            for key, value in args.items()
        )
        + "<|close|>call<|sep|>"
        for at, (name, args) in enumerate(calls, start=1)
    )
    return f"<|open|>tools<|sep|>{inner}<|close|>tools<|sep|>"


def gemma_4(calls: Calls) -> str:
    """Gemma 4."""
    return "".join(
        f"<|tool_call>call:{name}{{"
        + ",".join(f'{key}:<|"|>{value}<|"|>' for key, value in args.items())
        + "}<tool_call|>"
        for name, args in calls
    )


def gemma_3(calls: Calls) -> str:
    """Gemma 3."""
    return "```tool_code\n" + "\n".join(_python(calls)) + "\n```"


def minimax(calls: Calls) -> str:
    """MiniMax M2."""
    return f"<minimax:tool_call>\n{_invokes(calls)}</minimax:tool_call>"


def anthropic_xml(calls: Calls) -> str:
    """Models that imitate Claude."""
    return f"<function_calls>\n{_invokes(calls)}</function_calls>"


def _invokes(calls: Calls) -> str:
    return "".join(
        f'<invoke name="{name}">\n'
        + "".join(f'<parameter name="{key}">{value}</parameter>\n' for key, value in args.items())
        + "</invoke>\n"
        for name, args in calls
    )


def harmony(calls: Calls) -> str:
    """The messages of gpt-oss."""
    return "<|start|>assistant".join(
        f"<|channel|>commentary to=functions.{name} <|constrain|>json<|message|>{json.dumps(args)}"
        "<|call|>"
        for name, args in calls
    )


def plain_json(calls: Calls) -> str:
    """Llama 3 without its tag."""
    return "\n".join(_objects(calls))


def plain_python(calls: Calls) -> str:
    """Llama 4 without its tags."""
    return f"[{', '.join(_python(calls))}]"


WITH_OPENER: tuple[Format, ...] = (
    mistral_v3,
    mistral_v11,
    mistral_v13,
    hermes,
    granite,
    qwen_xml,
    llama_tag,
    llama_function,
    llama_python,
    deepseek_v3,
    deepseek_v31,
    deepseek_dsml,
    glm_45,
    glm_47,
    kimi_k2,
    kimi_k3,
    gemma_4,
    gemma_3,
    minimax,
    anthropic_xml,
    harmony,
)
"""The formats in which a marker begins a call."""

WITHOUT_OPENER = (plain_json, plain_python)
"""The formats in which an answer consists of calls alone."""

FORMATS = (*WITH_OPENER, *WITHOUT_OPENER)
