"""What is kept of a call between its state.

In:  the answers and the state that came back with a call.
Out: `CallState`: what was asked, what was answered, what the call wants to find again.

Since revision 2026-07-28 a server cannot ask its client in the middle of a call: it answers that
more input is needed, and the call comes again with it
(https://modelcontextprotocol.io/specification/2026-07-28/basic/utilities/mrtr). Nothing is kept in
the server meanwhile; the state travels through the client, sealed.
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
    """One call over all its state.

    Attributes:
        call_id: stays the same in all state.
        asked: a digest of each question, by its key; an answer counts for that question only.
        answers: what was answered, by the key of its question.
        saved: what the call wants to find again in the next round.
    """

    call_id: str
    asked: dict[str, str] = field(default_factory=dict)
    answers: dict[str, JsonValue] = field(default_factory=dict)
    saved: dict[str, JsonValue] = field(default_factory=dict)

    @classmethod
    def read(cls, params: types.CallToolRequestParams, *, new_id: Callable[[], str]) -> "CallState":
        """Read what came with a call.

        Args:
            params: the call; its state was unsealed.
            new_id: gives the id of a call that comes for the first time.

        Raises:
            MCPError: the state is none of ours.
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
        """Return the answer to a question; None if it has none, or was another question then."""
        if self.asked.get(key, digest(request)) != digest(request):
            return None
        return self.answers.get(key)

    def input_required(self, requests: Mapping[str, InputRequest]) -> types.InputRequiredResult:
        """Return what asks the client for these inputs, and for the call again."""
        for key, request in requests.items():
            self.asked[key] = digest(request)
            self.answers.pop(key, None)
        return types.InputRequiredResult(
            input_requests=dict(requests), request_state=_codec.dump_json(self).decode()
        )


def digest(request: InputRequest) -> str:
    """Return what makes a question the same question in the next round."""
    encoded = request.model_dump(mode="json", by_alias=True, exclude_none=True)
    return hashlib.sha256(json.dumps(encoded, sort_keys=True).encode()).hexdigest()


_codec: TypeAdapter[CallState] = TypeAdapter(CallState)
