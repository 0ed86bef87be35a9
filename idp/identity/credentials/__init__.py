"""What people sign in with: passwords, authenticator apps, passkeys, recovery codes, remembered devices.

Also how each is reset, unlocked, undone and imported, and ``bypass_codes``, which administrators issue for today to people
without their phone. Not here: which of them a sign-in asks for (``policy``, ``signin``).
"""
