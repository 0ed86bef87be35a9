"""User accounts: ``accounts`` creates and changes them, ``invitations`` brings people in, ``operators`` adds operators.

Not here: disabling and enabling (``users.status``), credentials (``credentials``).
"""
