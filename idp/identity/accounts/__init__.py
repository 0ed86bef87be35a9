"""User accounts: ``accounts`` creates and changes them, ``invitations`` invites them, ``operators`` adds operators.

Not here: disabling and enabling (``users.status``), credentials (``credentials``).
"""
