"""Limits on guessing: ``rate_limits`` slows guesses down, ``lockout`` closes a way of signing in after too many.

Not here: opening it again (``credentials.unlock``), limits on mail (``mail_limits``).
"""
