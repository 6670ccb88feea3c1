"""What the table of findings says is what the profile has."""

from collections.abc import Callable, Mapping

import pytest

from agentkit.config.profile import Accepts, ModelProfile, ProviderProfile, ToolChoiceForm
from agentkit.doctor.diagnosis import CHOICES
from tests.integration.doctor_run import MISTRAL, PLAIN, diagnosed
from tests.integration.doctor_server import OddProvider, Traits

PROVIDERS: Mapping[str, Traits] = {
    "all": Traits(),
    "tools in the text": Traits(tools="text"),
    "tools in the prompt": Traits(tools="refused"),
    "tools refused, prompt ignored": Traits(tools="refused", follows_prompt=False),
    "tools ignored": Traits(tools="never"),
    "tools and prompt ignored": Traits(tools="never", follows_prompt=False),
    "no choice": Traits(takes=frozenset(), respects=frozenset()),
    "choices ignored": Traits(respects=frozenset()),
    "one call": Traits(most_calls=1),
    "parallel refused": Traits(parallel=False),
    "short ids": Traits(only_nine=True),
    "short ids, made so": Traits(only_nine=True, id_length=9),
    "stream refused": Traits(stream="refused"),
    "no usage": Traits(usage="never"),
    "strict": Traits(strict=True),
    "another limit": Traits(limit="max_completion_tokens"),
    "completions": Traits(chat_path="/none", completions=True),
    "nothing there": Traits(chat_path="/none"),
}

ADVICE: Mapping[str, Callable[[ProviderProfile, ModelProfile], bool]] = {
    "(dialect 'prompted')": lambda provider, _: provider.dialect == "prompted",
    "the profile now has dialect 'prompted'": lambda provider, _: provider.dialect == "prompted",
    "dialect 'completions'": lambda provider, _: provider.dialect == "completions",
    "ids are rewritten": lambda _, model: model.rules == "mistral",
    "rules 'mistral'": lambda _, model: model.rules == "mistral",
    "only fields in the profile are sent": lambda provider, _: provider.accepts.is_strict,
    "the tools are omitted": lambda provider, _: "none" not in provider.accepts.tool_choice,
    "only the named tool": lambda provider, _: "named" not in provider.accepts.tool_choice,
    "the answer is checked for": lambda provider, _: "any" not in provider.accepts.tool_choice,
    "'any' is sent if": lambda provider, _: "required" not in provider.accepts.tool_choice,
    "agentkit counts": lambda provider, _: provider.accepts.stream_usage == "never",
}
"""Parts of an advice, with what they say about the profile."""


def _takes(choice: ToolChoiceForm) -> Callable[[ProviderProfile, ModelProfile], object]:
    return lambda provider, _: choice in provider.accepts.tool_choice


DECIDES: Mapping[str, Callable[[ProviderProfile, ModelProfile], object]] = {
    "context window": lambda _, model: model.context_window_tokens,
    "parallel calls": lambda provider, _: provider.accepts.parallel_tool_calls,
    "usage in a stream": lambda provider, _: provider.accepts.stream_usage,
    "unknown fields": lambda provider, _: provider.accepts.is_strict,
    "results of calls": lambda _, model: model.rules,
    "tools": lambda provider, _: provider.dialect,
    "chat": lambda provider, _: (provider.dialect, provider.base_url),
    **{f"tool_choice {choice}": _takes(choice) for choice in CHOICES},
}
"""Questions, with what their verdict may change."""


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("accepts", [Accepts(), Accepts(parallel_tool_calls=False)])
@pytest.mark.parametrize("model", [MISTRAL, PLAIN])
@pytest.mark.parametrize("name", PROVIDERS)
async def test_the_table_and_the_profile_agree(name: str, model: str, accepts: Accepts) -> None:
    """An unclear verdict changes nothing, and an advice describes the profile."""
    report, findings, _ = await diagnosed(
        OddProvider(PROVIDERS[name]), model, provider={"accepts": accepts}
    )

    after = report.profiles
    before = (report.diagnosis.provider, report.diagnosis.model)
    for question, finding in findings.items():
        if finding.verdict == "unclear" and question in DECIDES:
            assert DECIDES[question](*after) == DECIDES[question](*before), question
        for part, holds in ADVICE.items():
            assert part not in finding.advice or holds(*after), (question, finding.advice)
