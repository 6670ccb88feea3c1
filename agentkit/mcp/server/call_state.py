"""The state of a call that takes several round trips.

In:  the input responses and the request state that came with a call.
Out: `CallState`: the requests, their answers, and values that the call saved.

Since revision 2026-07-28 a server cannot send requests to its client during a call: it returns an
"input required" result, and the client sends the call again with the input
(https://modelcontextprotocol.io/specification/2026-07-28/basic/utilities/mrtr). The server keeps
nothing in between; the state travels through the client, encrypted and authenticated.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import mcp_types as types
from mcp.shared.exceptions import MCPError
from mcp_types import InputRequest
from pydantic import TypeAdapter, ValidationError

from agentkit.json_schema import JsonValue


@dataclass(slots=True, kw_only=True)
class CallState:
    """One call over all its round trips.

    Attributes:
        call_id: the same in every round trip.
        asked: a digest of each request, by its key; an answer is valid for that request only.
        answers: the client's answers, by the key of their request.
        saved: values that the call needs again in the next round trip.
    """

    call_id: str
    asked: dict[str, str] = field(default_factory=dict)
    answers: dict[str, JsonValue] = field(default_factory=dict)
    saved: dict[str, JsonValue] = field(default_factory=dict)

    @classmethod
    def read(cls, params: types.CallToolRequestParams, *, new_id: Callable[[], str]) -> "CallState":
        """Read the state that came with a call.

        Args:
            params: the call; its state was decrypted already.
            new_id: returns an id for a call without state.

        Raises:
            MCPError: this server did not issue the state.
        """
        state = cls(call_id=new_id())
        if params.request_state is not None:
            try:
                state = _codec.validate_json(params.request_state)
            except ValidationError as error:
                raise MCPError(types.INVALID_PARAMS, "Invalid requestState") from error
        for key, response in (params.input_responses or {}).items():
            state.answers.setdefault(
                key, response.model_dump(mode="json", by_alias=True, exclude_none=True)
            )
        return state

    def find_answer(self, key: str, request: InputRequest) -> JsonValue | None:
        """Return the answer to a request; None if there is none, or it answered another request."""
        if self.asked.get(key, digest(request)) != digest(request):
            return None
        return self.answers.get(key)

    def input_required(self, requests: Mapping[str, InputRequest]) -> types.InputRequiredResult:
        """Return the result that asks the client for these inputs and to repeat the call."""
        for key, request in requests.items():
            self.asked[key] = digest(request)
            self.answers.pop(key, None)
        return types.InputRequiredResult(
            input_requests=dict(requests), request_state=_codec.dump_json(self).decode()
        )


def digest(request: InputRequest) -> str:
    """Return what identifies a request in the next round trip."""
    encoded = request.model_dump(mode="json", by_alias=True, exclude_none=True)
    return hashlib.sha256(json.dumps(encoded, sort_keys=True).encode()).hexdigest()


_codec: TypeAdapter[CallState] = TypeAdapter(CallState)
