"""What people sign in with: passwords, authenticator apps, passkeys, recovery codes, remembered devices.

``bypass_codes`` are codes for today that administrators issue to people without their phone.
Also how each is reset, unlocked, undone and imported. Not here: which of them a sign-in asks for (``policy``, ``signin``).
"""
