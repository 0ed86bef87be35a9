"""An administrator's test of a client: ``permission`` to sign in as that client, and the ``run`` that shows its tokens.

Not here: who may test a client, and the page (``web.admin.client_test``).
"""
