"""The public face of signing in: ask with a ``Needs``, get a ``Settled``, a ``Continue`` or an ``Unmet``."""

from idp.config import Settings
from idp.signin.case import Needs, Settlement, Visit


def settle(settings: Settings, needs: Needs, visit: Visit, attempt_id: str = "") -> Settlement:
    """Whether ``needs`` are met now. Never trusts a claim of "finished": it works everything out anew.

    With ``attempt_id`` the facts of that sign-in in progress count too. Where something must be asked and ``prompt`` is not
    ``none``, an attempt is made (or gone on with) and named in the ``Continue``.
    """
    raise AssertionError("built next")
