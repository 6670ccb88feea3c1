"""The credentials of an OpenAPI document, by reference to variables.

In:  `SCHEME:VARIABLE` words; the security schemes of the document.
Out: headers and query parameters for a call; the secrets in them.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentkit import ConfigError, ToolError
from agentkit.config.load import expand_variables
from agentkit_tools.openapi.document import Document


@dataclass(slots=True, kw_only=True)
class SentCredentials:
    """What a call needs to be authorized."""

    headers: dict[str, str] = field(default_factory=dict)
    query: list[tuple[str, str]] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The schemes of a document for which the user named a variable."""

    schemes: Mapping[str, Mapping[str, Any]]
    variables: Mapping[str, str]

    @classmethod
    def of(cls, document: Document, variables: Mapping[str, str]) -> "Credentials":
        """Read the schemes of a document.

        Raises:
            ConfigError: a variable is for a scheme that the document does not have.
        """
        components = document.content.get("components")
        raw = components.get("securitySchemes") if isinstance(components, Mapping) else None
        known = raw if isinstance(raw, Mapping) else {}
        for name in variables:
            if name not in known:
                raise ConfigError(
                    f"The OpenAPI document has no security scheme {name!r}; "
                    f"it has {', '.join(map(str, known)) or 'none'}."
                )
        schemes = {name: document.resolve(known[name]) for name in variables}
        return cls(schemes=schemes, variables=variables)

    def for_call(self, security: Sequence[Sequence[str]]) -> SentCredentials:
        """Return what the first alternative needs for which all variables are named.

        Raises:
            ToolError: there is no such alternative, or a variable is not set.
        """
        usable = [one for one in security if all(name in self.variables for name in one)]
        if not usable:
            wanted = " or ".join("+".join(one) for one in security)
            raise ToolError(
                f"This operation needs a credential ({wanted}), and the user has not named one. "
                "Report this to the user."
            )
        # An alternative with credentials first: without them, an answer may hold less.
        chosen = max(usable, key=bool)
        sent = SentCredentials()
        for name in chosen:
            try:
                secret = expand_variables(f"${{{self.variables[name]}}}")
            except ConfigError as error:
                raise ToolError(f"A credential is missing. {error}") from error
            _add(sent, self.schemes[name], secret)
        return sent


def _add(sent: SentCredentials, scheme: Mapping[str, Any], secret: str) -> None:
    """Add a secret where its scheme wants it."""
    sent.secrets.append(secret)
    kind, place = scheme.get("type"), scheme.get("in")
    name = str(scheme.get("name", ""))
    if kind == "apiKey" and place == "query":
        sent.query.append((name, secret))
    elif kind == "apiKey" and place == "header":
        sent.headers[name.lower()] = secret
    elif kind == "apiKey" and place == "cookie":
        sent.headers["cookie"] = f"{name}={secret}"
    elif kind == "http" and str(scheme.get("scheme", "")).lower() == "basic":
        encoded = b64encode(secret.encode()).decode()
        sent.secrets.append(encoded)
        sent.headers["authorization"] = f"Basic {encoded}"
    else:  # `http` with `bearer`, `oauth2` and `openIdConnect` all send a token
        sent.headers["authorization"] = f"Bearer {secret}"
