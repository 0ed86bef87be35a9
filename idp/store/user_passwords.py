"""Replace or spend a password by one conditional statement: of two concurrent changes one counts."""

from datetime import datetime

from sqlalchemy import Update, update

from idp.statements import claims
from idp.store.users import User


@claims
def replace_password_hash(organisation_id: str, user_id: str, old: str, new: str) -> Update:
    """Replace ``old`` by a costlier hash of the same password, unless it was changed since."""
    here = (User.organisation_id == organisation_id, User.id == user_id, User.password_hash == old)
    return update(User).where(*here).values(password_hash=new)


@claims
def burn_one_time_password(organisation_id: str, user_id: str, used: str, now: datetime) -> Update:
    """Spend a one-time password (S49): it works once, and not after it expired."""
    here = (User.organisation_id == organisation_id, User.id == user_id, User.password_hash == used)
    return update(User).where(*here, User.password_expires_at > now).values(password_expires_at=now)
