"""User accounts: ``accounts`` creates and changes them, ``invitations`` invites them, ``operators`` adds operators.

``bulk`` does one thing to several users. ``new_organisation`` creates an organisation with its owner.

Not here: disabling and enabling (``users.status``), credentials (``credentials``).
"""
