"""What people sign in with: passwords, authenticator apps, passkeys, recovery codes, remembered devices.

Also how each is reset, unlocked, undone and imported. Not here: which of them a sign-in asks for (``policy``, ``signin``).
"""
