"""Users: ``lookup`` finds them, ``status`` disables and enables them, ``export`` writes them to a file.

``ending`` ends the access of those whose last day has passed.
``profile``, ``email_address`` and ``activity``: what people change and see of their own account.

Not here: creating and changing users (``accounts``), how they sign in (``credentials``).
"""
