"""The server processes of ``idp run``: how requests come in, and which process looks after which.

Not here: what is answered. ``app`` is the WSGI application; this package feeds it.
"""
