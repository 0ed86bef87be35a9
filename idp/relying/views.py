"""Put a demand before the views of a web framework."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec

from idp.relying.demand import LEVELS, Demand

P = ParamSpec("P")
Claims = Callable[[], Mapping[str, Any] | None]
SignIn = Callable[[Demand], Any]


class Guard:
    """Answer for views whose user has not proved enough.

    ``claims``: returns the claims of the token behind the present request, already verified, or None. ``sign_in``: sends a
    person to the provider with ``demand.parameters``. Without it, an API answers 401 with the challenge of RFC 9470 §3.
    """

    def __init__(self, claims: Claims, sign_in: SignIn | None = None, levels: Sequence[str] = LEVELS) -> None:
        self._claims, self._sign_in, self._levels = claims, sign_in, levels

    def require_acr(self, acr: str = "", max_age: int | None = None) -> Callable[[Callable[P, Any]], Callable[P, Any]]:
        """Let a view run only for a sign-in of this level and age. Raises ``ValueError`` for a level that is none."""
        demand = Demand(acr, max_age, self._levels)

        def decorate(view: Callable[P, Any]) -> Callable[P, Any]:
            @wraps(view)
            def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
                claims = self._claims()
                return view(*args, **kwargs) if demand.is_met(claims) else self._refuse(demand, claims)

            return guarded

        return decorate

    def _refuse(self, demand: Demand, claims: Mapping[str, Any] | None) -> Any:
        if self._sign_in is not None:
            return self._sign_in(demand)
        return "", 401, {"WWW-Authenticate": demand.challenge(claims), "Cache-Control": "no-store"}
