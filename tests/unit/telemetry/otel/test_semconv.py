"""The names are those of the conventions' own package."""

from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.semconv.attributes import error_attributes

from agentkit.telemetry.otel import semconv


def test_each_name_of_the_conventions_exists() -> None:
    """Those that begin with `agentkit.` are our own."""
    known = {
        value
        for module in (gen_ai_attributes, gen_ai_metrics, error_attributes)
        for value in vars(module).values()
        if isinstance(value, str)
    }
    operations = {one.value for one in gen_ai_attributes.GenAiOperationNameValues}
    for name, value in vars(semconv).items():
        if name.isupper() and not value.startswith(("agentkit.", "OTEL_")):
            assert value in known | operations, name
