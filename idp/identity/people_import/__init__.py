"""Import people from a file: ``csv_file`` reads it, ``cells`` gives cells a meaning, ``dry_run`` says what would happen.

``jobs`` keeps the file as a job and carries it out by the worker; ``codes`` shows the printed codes once. Rights and rules
are those of the single form.

Not here: creating and changing a person (``accounts``), the loop of the worker (``jobs``).
"""
