"""What a person can do about an error of a provider."""

import pytest

from agentkit import build_model
from agentkit.cli.provider_advice import describe_advice
from agentkit.errors import ErrorKind, StatusError

URL = "http://127.0.0.1:8000/v1"
VARIABLE = "AGENTKIT_MISTRAL_BASE_URL"
ADVICE: dict[str, tuple[ErrorKind, int | None, str]] = {
    "a wrong key": (
        "auth",
        401,
        "check the key in MISTRAL_API_KEY or in the variable of --api-key-env, or run "
        "'agentkit keys set mistral'",
    ),
    "unreachable": (
        "connection",
        None,
        f"try again, check the address (--base-url or {VARIABLE}), or choose another provider with "
        "--model",
    ),
    "no such model or path": (
        "invalid_request",
        404,
        f"'agentkit models mistral --base-url {URL}' lists the names of models; check the address "
        f"(--base-url or {VARIABLE})",
    ),
    "another protocol": (
        "bad_response",
        200,
        f"check the address (--base-url or {VARIABLE}); 'agentkit doctor mistral:MODEL' tests it",
    ),
    "an unusual refusal": ("invalid_request", 422, ""),
}


@pytest.mark.parametrize(("kind", "status", "advice"), ADVICE.values(), ids=ADVICE.keys())
def test_the_provider_its_address_and_the_remedy_are_named(
    kind: ErrorKind, status: int | None, advice: str
) -> None:
    """After the provider's own words."""
    model = build_model("mistral", base_url=URL, api_key="k" * 8)
    error = StatusError("No.", kind=kind, status=status)

    place = f"mistral at {URL}"
    assert describe_advice(error, model) == f" ({place}; {advice})" if advice else f" ({place})"


def test_the_list_of_models_needs_no_address_at_the_provider_itself() -> None:
    """Its own address is known."""
    model = build_model("mistral", api_key="k" * 8)

    shown = describe_advice(StatusError("No.", kind="invalid_request", status=400), model)
    assert "'agentkit models mistral' lists the names of models" in shown


def test_without_a_provider_there_is_advice_for_every_one() -> None:
    """A model of the user's own has no address that is known."""
    shown = describe_advice(StatusError("No.", kind="invalid_request", status=404), None)

    assert shown == " (check the model's name)"
