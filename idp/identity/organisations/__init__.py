"""Organisations, their shops and groups, their settings and their logo.

Not here: users (``accounts``), dated rules (``policy``), the owner's rights (``ownership``).
"""
