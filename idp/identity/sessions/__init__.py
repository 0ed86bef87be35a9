"""Sessions: a person signed in with one browser. ``sessions`` starts and ends them, ``listing`` shows them.

Not here: trust in a device (``credentials.remembered_devices``), grants of apps (``oauth``).
"""
