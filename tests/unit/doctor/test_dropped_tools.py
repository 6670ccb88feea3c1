"""Tools that a provider leaves out of the prompt are seen by the size of the prompt."""

import pytest

from agentkit.config.profile import ModelProfile, ProviderProfile
from agentkit.doctor.diagnosis import Diagnosis, observed_profiles
from agentkit.doctor.findings import find_all
from agentkit.doctor.probe import ProbeName, ProbeResult
from agentkit.errors import ProtocolError
from agentkit.usage import Usage

URL = "http://127.0.0.1:9/v1"
NAMES: tuple[ProbeName, ...] = ("chat", "tools", "required", "named", "without_tools", "prompted")


def diagnosis(*sizes: int | None, launcher: str | None = None) -> Diagnosis:
    """Return a diagnosis whose prompts had these sizes, in the order of `NAMES`."""
    answered = ProtocolError("cut", kind="truncated", retry="change")
    results = {
        name: ProbeResult(
            name=name,
            status=200,
            error=answered,
            has_usage=size is not None,
            usage=Usage(input_tokens=size or 0),
        )
        for name, size in zip(NAMES, sizes, strict=True)
    }
    provider = ProviderProfile(name="own", title="Own", base_url=URL, launcher=launcher)
    model = ModelProfile(family="own", id="own")
    return Diagnosis(provider=provider, model=model, results=results)


@pytest.mark.parametrize(
    ("sizes", "is_dropped"),
    [
        ((10, 20, 20, 20, 20, 300), True),
        ((10, 90, 90, 90, 20, 300), False),
        ((20, 20, 20, 20, 20, 20), False),
        ((10, None, 20, 20, 20, 300), False),
        ((10, 20, 20, 20, None, 300), False),
        ((None, 20, 20, 20, 20, 300), False),
        ((0, 0, 0, 0, 0, 0), False),
    ],
    ids=["dropped", "used", "constant", "unknown", "unknown without", "unknown question", "zero"],
)
def test_the_size_of_the_prompt_decides(sizes: tuple[int | None, ...], is_dropped: bool) -> None:
    """Only figures that differ between questions show anything."""
    found = diagnosis(*sizes)

    assert found.drops_tools is is_dropped
    assert observed_profiles(found)[0].dialect == ("prompted" if is_dropped else "openai_chat")


def test_the_profile_of_a_launched_provider_stays_as_it_is() -> None:
    """It serves any weights, and what their template takes is asked at each start."""
    found = diagnosis(10, 20, 20, 20, 20, 300, launcher="own:launch")

    (tools,) = [each for each in find_all(found) if each.question == "tools"]

    assert observed_profiles(found)[0].dialect == "openai_chat"
    assert tools.advice == "agentkit describes the tools in the prompt of these weights"
