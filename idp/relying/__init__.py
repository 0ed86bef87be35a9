"""Demand a level and an age of the sign-in in a relying app or an API (RFC 9470).

For apps of others: this package imports nothing but the standard library, and nothing else of Sleutel.

- ``Demand("mfa", max_age=300)`` judges the claims of an ID token, an access token or an introspection answer;
- ``Guard`` puts a demand before the views of Flask, or of any framework that takes ``(body, status, headers)``;
- ``wsgi`` and ``asgi`` put a demand before a whole application.

Not here: reading and verifying tokens, which an app's OpenID Connect library does.
"""

from idp.relying.applications import asgi, wsgi
from idp.relying.demand import LEVELS, Demand
from idp.relying.views import Guard

__all__ = ["LEVELS", "Demand", "Guard", "asgi", "wsgi"]
