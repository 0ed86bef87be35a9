"""The protocol: OAuth 2.1 and OpenID Connect, a module for each subject.

It owns clients, authorization requests, codes, tokens, and every error that an app gets. ``authorize``, ``token_endpoint``,
``userinfo`` and ``logout`` are the ways in; ``provider`` is what they work with.

Not here: who a user is, how users prove it, and which page comes next (``signin``); cookies, pages and HTTP (``web``). This
package asks for a signed-in user with a ``Needs`` and gets a ``SignedIn``. Nothing of it knows Flask.
"""
