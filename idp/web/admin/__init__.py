"""The console: an organisation and its people, for its administrators and for operators of the installation.

Each file mounts the routes of one subject below ``/admin/<store_url>``. ``guard`` decides who may enter and holds the menu.
``confirm_dialog`` asks before something is done. Not here: rules, which are in ``identity``.
"""

from flask import Blueprint

from idp.web.account.current_user import SignInFirst
from idp.web.admin import (
    audit,
    bulk,
    bulk_undo,
    client_connect,
    client_secrets,
    client_test,
    clients,
    exports,
    groups,
    index,
    keys,
    logo,
    lost_phone,
    new_organisation,
    organisation_status,
    outbox,
    overview,
    own_policies,
    ownership,
    people_export,
    people_import,
    policies,
    refused_lines,
    sessions,
    settings,
    shop,
    shops,
    user,
    user_credentials,
    user_form,
    users,
)

blueprint = Blueprint("admin", __name__, url_prefix="/admin")
PARTS = (
    index, new_organisation, organisation_status, overview, users, bulk, bulk_undo,
    people_export, exports, people_import, refused_lines, user_form, lost_phone, user, user_credentials,
    groups, shops, shop, policies, own_policies, settings, logo, ownership,
    clients, client_connect, client_secrets, client_test, sessions, outbox, audit, keys,
)  # fmt: skip
for part in PARTS:
    part.mount(blueprint)
blueprint.register_error_handler(SignInFirst, lambda first: first.response)
