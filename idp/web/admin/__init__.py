"""The console: an organisation and its people, for its administrators and for operators of the installation.

A file a subject; each mounts its routes below ``/admin/<store_url>`` and its entry of the menu. ``access`` says who may
enter, ``dialog`` asks before something is done. No rule stands here: they are in ``identity``.
"""

from flask import Blueprint

from idp.web.account.person import SignInFirst
from idp.web.admin import (
    audit,
    clients,
    front,
    groups,
    keys,
    logo,
    mail,
    organisation,
    ownership,
    people,
    person,
    person_passkeys,
    policies,
    sessions,
    shops,
    trial,
)

blueprint = Blueprint("admin", __name__, url_prefix="/admin")
PARTS = (
    front, people, person, person_passkeys, groups, shops, policies, organisation, logo, ownership,
    clients, trial, sessions, mail, audit, keys,
)  # fmt: skip
for part in PARTS:
    part.mount(blueprint)
blueprint.register_error_handler(SignInFirst, lambda first: first.response)
