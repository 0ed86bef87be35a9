"""Provision as code: read a TOML document, check it as a whole, and apply it in short transactions.

Not here: rules about people, organisations and clients. ``identity`` and ``oauth.clients`` refuse what is wrong. This
package finds the place in the file for a refusal, and what to create, change and leave.
"""
