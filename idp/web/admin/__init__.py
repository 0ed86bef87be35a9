"""The console: an organisation and its people, for its administrators and for operators of the installation.

A file a subject; each mounts its routes below ``/admin/<store_url>`` and its entry of the menu. ``guard`` says who may
enter, ``confirm_dialog`` asks before something is done. No rule stands here: they are in ``identity``.
"""

from flask import Blueprint

from idp.web.account.current_user import SignInFirst
from idp.web.admin import (
    audit,
    client_test,
    clients,
    groups,
    index,
    keys,
    logo,
    outbox,
    ownership,
    policies,
    sessions,
    settings,
    shops,
    user,
    user_passkeys,
    users,
)

blueprint = Blueprint("admin", __name__, url_prefix="/admin")
PARTS = (
    index, users, user, user_passkeys, groups, shops, policies, settings, logo, ownership,
    clients, client_test, sessions, outbox, audit, keys,
)  # fmt: skip
for part in PARTS:
    part.mount(blueprint)
blueprint.register_error_handler(SignInFirst, lambda first: first.response)
