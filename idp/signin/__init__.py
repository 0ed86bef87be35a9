"""Signing in: sign-ins in progress, the steps in their order, and the one decision which step is due.

``authenticate`` is the public face: it takes ``Needs`` and returns ``SignedIn``, ``Continue`` or ``Unmet``. ``load_state``
makes a ``Case`` from rows, and ``flow`` decides on it. A step's ``page`` shows, its ``answer`` acts, and ``effects`` keeps
what an answer changes. ``state``, ``flow`` and every step's ``due``, ``page`` and ``stage`` are pure.

Not here: OAuth, HTTP and templates (``oauth``, ``web``), and how a password or a factor is checked and counted
(``identity``). What a rule requires of a person is for ``identity.policy`` to say.
"""
