"""Back up the database while it serves, and restore it so that nothing works again that was used or withdrawn since.

``archive``: the file. ``key_file``: the sealing keys beside it. ``sqlite`` and ``postgresql``: how each engine is copied and
put back. ``changes``: what changed since the backup, as the former database tells. ``epoch``: what a restore voids.

Not here: the tables' SQL (``store.restore``), the check that refuses to serve an unfinished restore (``readiness`` and
``cli.opening``, by ``store.epoch``), and the words that the commands print (``cli``).
"""


class BackupError(Exception):
    """A backup cannot be made or restored. The text names the remedy."""
