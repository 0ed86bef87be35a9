"""The protocol: OAuth 2.1 and OpenID Connect, a file for each subject, on Authlib with our own typed models.

Not here: who someone is, how they prove it, and which page is shown next. A signed-in user is asked for with a ``Needs`` and
comes as a ``Settled``; nothing in this package looks at cookies or renders a page. Flask is met in ``server`` only.
"""
