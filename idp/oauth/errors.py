"""Define the protocol's errors, with what an app gets of them. They stay in this package and its endpoints; people see
pages.
"""

import re
from collections.abc import Mapping

NEVER_KEPT = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))
JSON_NEVER_KEPT = (("Content-Type", "application/json"), *NEVER_KEPT)
"""Headers of every answer of the token endpoint, errors too (RFC 6749 §5.1)."""
OURS = frozenset(("server_error", "temporarily_unavailable"))
"""The errors that are no fault of the app's."""
# RFC 6749 §5.2: the description "MUST NOT include characters outside the set %x20-21 / %x23-5B / %x5D-7E".
DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*")


class OAuthError(Exception):
    """An error of the protocol: its code, a description for the client's developer, and a detail that is only logged.

    The description never quotes the request.
    """

    def __init__(
        self,
        error: str,
        description: str = "",
        *,
        status: int = 400,
        retry_after: int = 0,
        detail: str = "",
    ) -> None:
        if not DESCRIPTION.fullmatch(description):
            raise ValueError("the description has characters that RFC 6749 §5.2 forbids")
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status
        self.retry_after = retry_after
        self.detail = detail

    @property
    def challenge(self) -> str:
        """Return the value of ``WWW-Authenticate``, which RFC 6749 §5.2 wants with 401; empty where there is none."""
        return 'Basic realm="token", charset="UTF-8"' if self.status == 401 else ""

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Return the headers of the JSON answer."""
        more = (("WWW-Authenticate", self.challenge), ("Retry-After", str(self.retry_after or "")))
        return [*JSON_NEVER_KEPT, *(pair for pair in more if pair[1])]

    @property
    def body(self) -> Mapping[str, str]:
        """Return the members of the JSON answer."""
        return {"error": self.error} | ({"error_description": self.description} if self.description else {})


def numbered(error: OAuthError, request_id: str) -> OAuthError:
    """Return an error of ours with the request's id in its description, so that an app's error page shows what to ask about.

    An error of the app is returned as it is: its developer finds the id in ``X-Request-Id``.
    """
    if error.error not in OURS:
        return error
    return OAuthError(
        error.error,
        f"{error.description} (request {request_id})".strip(),
        status=error.status,
        retry_after=error.retry_after,
        detail=error.detail,
    )


def invalid_request(description: str) -> OAuthError:
    """Return the error for a malformed request (RFC 6749 §5.2)."""
    return OAuthError("invalid_request", description)


def invalid_grant(detail: str = "") -> OAuthError:
    """Return the error for a code or token that is refused (RFC 6749 §5.2).

    The description is the same for every reason, so that nothing is learned of other people's codes and tokens.
    """
    return OAuthError(
        "invalid_grant", "The code or token is invalid, expired, revoked or for another client.", detail=detail
    )
