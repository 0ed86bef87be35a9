"""Users: ``lookup`` finds them, ``status`` disables and enables, and what people see and change of themselves.

Not here: creating and changing users (``accounts``), how they sign in (``credentials``).
"""
