"""Create an organisation in one step: with its first shop and its first owner, who is invited by mail.

The owner begins as an administrator, because an owner always has a verified address (S54). Taking the invitation verifies
it, and makes them the owner (``credentials.password_reset``). Until then an operator may appoint another one.
"""

from dataclasses import dataclass

from idp.audit import Origin
from idp.config import Settings
from idp.db import transaction
from idp.errors import Invalid, say
from idp.identity import mail_limits, permissions
from idp.identity.accounts import accounts, invitations
from idp.identity.credentials import imported
from idp.identity.organisations import organisations, shops
from idp.identity.owner import make_owner
from idp.identity.roles import Role
from idp.identity.user_fields import PersonDraft
from idp.languages import LANGUAGES
from idp.mail.messages import is_plain_address
from idp.store import operators
from idp.store.organisations import Organisation
from idp.store.users import User


@dataclass(frozen=True)
class NewOrganisation:
    """Hold what an operator enters. ``language``: the first one, that of mail to people who chose none."""

    store_url: str
    name: str
    country: str
    language: str
    shop_code: str
    shop_name: str
    username: str
    email: str


def create(settings: Settings, wanted: NewOrganisation, origin: Origin) -> tuple[Organisation, User]:
    """Create the organisation, and invite its owner. Raises ``Invalid`` naming the field, ``Conflict`` and ``TooMany``."""
    permissions.require_operator(origin)
    if not is_plain_address(wanted.email.strip()):
        raise Invalid("email", say("This is not an e-mail address."))
    details = {"username": wanted.username, "email": wanted.email.strip(), "role": Role.ADMINISTRATOR}
    draft = PersonDraft.of(**details)
    prepared = imported.ready(settings, draft)
    _admit_mail(settings, wanted, origin)
    with transaction():
        organisation = organisations.create(_values(wanted), origin)
        if wanted.shop_code.strip():
            shop = {"code": wanted.shop_code.strip(), "name": wanted.shop_name.strip() or wanted.shop_code}
            shops.create(organisation.id, shop, origin)
        owner = accounts.create(settings, organisation, draft, origin, prepared)
        make_owner(organisation.id, owner.id)
        invitations.invite_new(settings, owner, wanted.email.strip(), origin)
    return organisation, owner


def _admit_mail(settings: Settings, wanted: NewOrganisation, origin: Origin) -> None:
    """Count the invitation before anything is created. Raises ``TooMany``, audited about the operator who acts."""
    acting = next((one for one in operators.operators() if one.id == origin.actor_id), None)
    if acting is not None:
        mail_limits.admit(settings, origin, acting, wanted.email.strip())


def _values(wanted: NewOrganisation) -> dict[str, object]:
    languages = [wanted.language, *(one for one in LANGUAGES if one != wanted.language)]
    return {
        "store_url": wanted.store_url.strip(),
        "name": wanted.name,
        "country": wanted.country.strip().upper(),
        "settings": {"languages": languages},
    }
