"""Put a demand before a whole WSGI (PEP 3333) or ASGI application."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from idp.relying.demand import Demand

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Asgi = Callable[[Any, Callable[..., Awaitable[Any]], Callable[..., Awaitable[Any]]], Awaitable[None]]


def wsgi(app: Wsgi, demand: Demand, claims: Callable[[dict[str, Any]], Mapping[str, Any] | None]) -> Wsgi:
    """Return an application that answers 401 unless the claims behind an environment meet the demand."""

    def guarded(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        found = claims(environ)
        if demand.is_met(found):
            return app(environ, start)
        start("401 Unauthorized", [*_headers(demand, found), ("Content-Length", "0")])
        return []

    return guarded


def asgi(app: Asgi, demand: Demand, claims: Callable[[Any], Awaitable[Mapping[str, Any] | None]]) -> Asgi:
    """Return an application that answers 401 unless the claims behind a scope meet the demand.

    A WebSocket is closed before it opens. Start-up and shut-down pass.
    """

    async def guarded(scope: Any, receive: Callable[..., Awaitable[Any]], send: Callable[..., Awaitable[Any]]) -> None:
        found = await claims(scope) if scope["type"] in ("http", "websocket") else None
        if scope["type"] not in ("http", "websocket") or demand.is_met(found):
            await app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            headers = [(name.lower().encode(), value.encode()) for name, value in _headers(demand, found)]
            await send({"type": "http.response.start", "status": 401, "headers": [*headers, (b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})

    return guarded


def _headers(demand: Demand, claims: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    return [("WWW-Authenticate", demand.challenge(claims)), ("Cache-Control", "no-store")]
