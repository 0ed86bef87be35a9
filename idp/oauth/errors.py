"""OAuth errors. They stay in this package; people see pages instead."""

from authlib.oauth2 import OAuth2Error


class OAuthError(OAuth2Error):  # type: ignore[misc]  # Authlib is untyped
    """An error of the protocol: its code, a description for the client's developer, and a detail that is only logged.

    RFC 6749 §5.2: the description "MUST NOT include characters outside the set %x20-21 / %x23-5B / %x5D-7E"; it never
    quotes the request.
    """

    def __init__(
        self,
        error: str,
        description: str = "",
        *,
        status: int = 400,
        redirect_uri: str = "",
        retry_after: int = 0,
        detail: str = "",
    ) -> None:
        super().__init__(description=description, status_code=status, redirect_uri=redirect_uri or None, error=error)
        self.retry_after = retry_after
        self.detail = detail

    def get_headers(self) -> list[tuple[str, str]]:
        """RFC 6749 §5.2: 401 carries the scheme; §5.1: nothing is cached."""
        headers: list[tuple[str, str]] = list(super().get_headers())
        if self.status_code == 401:
            headers.append(("WWW-Authenticate", 'Basic realm="token", charset="UTF-8"'))
        if self.retry_after:
            headers.append(("Retry-After", str(self.retry_after)))
        return headers


def invalid_request(description: str) -> OAuthError:
    """RFC 6749 §5.2: the request is malformed."""
    return OAuthError("invalid_request", description)


def invalid_grant(detail: str = "") -> OAuthError:
    """RFC 6749 §5.2; one description for every reason, so that nothing is learned of other people's codes and tokens."""
    return OAuthError(
        "invalid_grant", "The code or token is invalid, expired, revoked or for another client.", detail=detail
    )
