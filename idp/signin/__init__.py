"""Which step is next, and what a step does. ``authenticate`` is the public face.

Not here: OAuth (it asks with a ``Needs`` and gets a ``Settled``), HTTP, templates. ``state`` and ``flow`` are pure; a step's
``due`` and ``page`` are pure; a step's ``prepare`` and ``answer`` have effects.
"""
