"""The ownership of an organisation: ``transfer`` hands it over, ``owner_recovery`` lets a locked-out owner in again.

Not here: who the owner is (``identity.owner``), and who may change the owner (``permissions``).
"""
