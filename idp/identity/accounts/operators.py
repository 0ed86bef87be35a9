"""Add operators: administrators of the installation's own organisation, so a second factor is compulsory for them."""

from idp import clock, crypto
from idp.audit import Event, Origin, record_about
from idp.config import Settings
from idp.db import outside_transaction, release, transaction
from idp.errors import Invalid
from idp.identity import sensitive_changes
from idp.identity.accounts import accounts
from idp.identity.credentials import imported
from idp.identity.roles import Role
from idp.identity.sensitive_changes import Access
from idp.identity.user_fields import PersonDraft
from idp.store import operators
from idp.store.organisations import Organisation
from idp.store.users import User


@outside_transaction
def add(settings: Settings, username: str, email: str, name: str, password: str, origin: Origin) -> User:
    """Create an operator with a verified address; raises ``Invalid``. Slow: outside of any transaction."""
    role = Role.ADMINISTRATOR
    draft = PersonDraft.of(username=username, role=role, name=name, email=email, email_verified=True, password=password)
    sensitive_changes.require(None, Access("operator", role))
    _refuse_weak(settings, draft)
    release()
    prepared = imported.ready(settings, draft)
    with transaction():
        organisation = operators.installation() or operators.add_installation(crypto.new_id(), clock.now())
        user = accounts.create(settings, organisation, draft, origin, prepared)
        record_about(origin, Event.OPERATOR_ADDED, user)
    return user


def _refuse_weak(settings: Settings, draft: PersonDraft) -> None:
    """Raise ``Invalid`` for a password that no user may choose."""
    plain = Organisation(name="", country="", integrations=[], settings={})
    why = imported.unacceptable(settings, plain, draft, has_factor=False)
    if why is not None:
        raise Invalid("password", why)
