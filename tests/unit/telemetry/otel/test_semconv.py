"""The names are those of the conventions' own package."""

import re

import pytest
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.semconv.attributes import error_attributes

from agentkit.config.catalog import load_catalog
from agentkit.telemetry.otel import semconv
from tests.unit.telemetry.explain.recorded import RECORDS
from tests.unit.telemetry.otel.exports import Exported


def test_each_name_of_the_conventions_exists() -> None:
    """Those that begin with `agentkit.` are our own; the latest ones are in no package yet."""
    known = {
        value
        for module in (gen_ai_attributes, gen_ai_metrics, error_attributes)
        for value in vars(module).values()
        if isinstance(value, str)
    }
    operations = {one.value for one in gen_ai_attributes.GenAiOperationNameValues}
    for name, value in vars(semconv).items():
        if name.startswith(("LATEST_", "OPT_IN_")):
            continue
        own = ("agentkit.", "OTEL_")
        if name.isupper() and isinstance(value, str) and not value.startswith(own):
            assert value in known | operations, name


def test_values_that_the_conventions_fix_are_theirs() -> None:
    """For providers of the catalog; each other one of these values has the catalog's name."""
    fixed = {one.value for one in gen_ai_attributes.GenAiProviderNameValues}
    catalog = set(load_catalog())

    assert set(semconv.PROVIDERS.values()) <= fixed
    assert set(semconv.PROVIDERS) <= catalog
    assert {"anthropic", "deepseek", "groq", "openai", "perplexity"} <= fixed & catalog


def test_the_commit_of_the_latest_conventions_is_named() -> None:
    """Next to their names, which change from commit to commit."""
    assert re.search(r"commit [0-9a-f]{40} \(\d{4}-\d\d-\d\d\)", semconv.__doc__ or "")


@pytest.mark.parametrize(
    ("opted", "released", "latest"),
    [
        ("", True, False),
        ("http", True, False),
        ("gen_ai_latest_experimental", False, True),
        ("http/dup, gen_ai_latest_experimental/dup", True, True),
    ],
)
async def test_the_environment_chooses_the_names_of_the_metrics(
    monkeypatch: pytest.MonkeyPatch, opted: str, *, released: bool, latest: bool
) -> None:
    """As released, as the latest commit has them, or both."""
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", opted)
    exported = Exported()
    for record in RECORDS:
        await exported.listener(record)

    metrics = exported.metrics
    assert ("gen_ai.client.token.usage" in metrics) is released
    assert ("gen_ai.client.inference.usage.input_tokens" in metrics) is latest
    if latest:
        counted = metrics["gen_ai.client.inference.usage.output_tokens"]
        assert set(counted) == {
            ("chat", "openrouter", asked, "mixtral", "unknown")
            for asked in ("mixtral", "route:mixtral")
        }
        per_call = metrics["gen_ai.client.inference.operation.output_tokens"]
        assert sum(per_call.values()) == sum(counted.values()) > 0
    if released and latest:
        both = sum(metrics["gen_ai.client.token.usage"].values())
        assert both == sum(counted.values()) + sum(
            metrics["gen_ai.client.inference.usage.input_tokens"].values()
        )
