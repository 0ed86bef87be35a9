"""Run the server processes of ``idp run``: take requests in, and supervise the processes.

Not here: the answers. ``app`` is the WSGI application; this package calls it.
"""
