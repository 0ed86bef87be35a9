"""The demo: a till, a back office and a webshop that sign people in, and stand-ins for a phone and a mailbox.

``pos``, ``admin`` and ``webshop`` are written as an outside developer would write them, each alone in its file: they import
nothing from here. Nothing of this package is reached by the provider.
"""
