"""Provisioning as code: a TOML document is read, checked as a whole, and made so in short transactions.

Not here: rules about people, organisations and clients. ``identity`` and ``oauth.clients`` refuse what is wrong; what
is here finds the place in the file to which a refusal belongs, and what is to be created, changed and left alone.
"""
