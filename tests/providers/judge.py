"""Judge the requests of a run by Mistral's own validator for this model.

In:  the bodies that a provider received in the chat format.
Out: nothing, or the validator's complaint.
"""

from typing import Any

from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.validator import (
    MistralRequestValidatorV3,
    ValidationMode,
)

from agentkit.json_schema import JsonValue


def check_bodies(bodies: list[JsonValue]) -> None:
    """Raise what mistral-common raises for the first body that it refuses."""
    validator: MistralRequestValidatorV3 = MistralRequestValidatorV3(mode=ValidationMode.serving)
    for body in bodies:
        assert isinstance(body, dict)
        validator.validate_request(ChatCompletionRequest.model_validate(_read(body)))


def _read(body: dict[str, Any]) -> dict[str, Any]:
    """Return what the validator looks at, under the names it knows."""
    return {
        "model": body.get("model", body.get("model_id")),
        **{name: body[name] for name in ("messages", "tools") if name in body},
    }
