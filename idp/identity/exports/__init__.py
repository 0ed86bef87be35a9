"""Write files that are too long to be sent at once: the worker writes them, chunk by chunk, and an administrator downloads.

``files`` keeps what a file shall hold, and reads it for a download; ``writing`` reads people or the audit log for the
worker.

Not here: the cells of a line (``users.export``, ``audit.search``), the loop of the worker (``jobs``), pages (``web.admin``).
"""
