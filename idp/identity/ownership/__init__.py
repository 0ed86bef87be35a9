"""The owner of an organisation: ``transfer`` hands the ownership over, ``owner_recovery`` lets a locked-out owner in."""
