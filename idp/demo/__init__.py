"""The demo: a till, a back office and a webshop that sign people in, and stand-ins for a phone and a mailbox.

``pos``, ``admin`` and ``webshop`` are written as an outside developer would write them, each alone in its file: of the
provider they import ``idp.relying`` alone, which is for outsiders. Nothing of this package is reached by the provider.
"""
