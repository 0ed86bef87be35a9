"""Sleutel: an OpenID Connect identity provider for retail chains.

Imports go down only: ``app``/``cli``/``demo`` → ``web`` → ``oauth`` → ``signin`` → ``identity``/``audit``/``keys``/``mail``
→ ``store`` → ``clock``/``crypto``/``errors``/``config``/``db``. ``tests/architecture`` keeps it so.
"""
