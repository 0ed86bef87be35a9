"""Make an organisation after a year of use: a person of each role, and an entry in every list of the console."""

from datetime import date

from idp import clock
from idp.actors import Person
from idp.audit import Origin
from idp.db import transaction
from idp.identity.organisations import organisations, shops
from idp.identity.ownership import transfer
from idp.identity.policy import dated_rules
from idp.mail.messages import notify
from idp.store import outbox, users
from tests.conftest import Live
from tests.drivers.browser import Browser
from tests.drivers.roles import one_of_each, sign_in
from tests.drivers.security_key import SecurityKey
from tests.factories import BY_TESTS, MadePerson

GROUP, SHOP, RULE = "2FA", "Amsterdam Dam", "xero-nl"


def people_of(live: Live) -> dict[str, MadePerson]:
    """Return the people by role, of an organisation with a shop, a group, a rule, mail, sessions, a passkey, an offer."""
    people = one_of_each(live.factory)
    live.factory.make_group(people["owner"].organisation_id, GROUP)
    _add_shop_and_rule(live, people["owner"], people["manager"])
    _write_mail(live, people["customer"])
    _offer_ownership(live, people["owner"], people["administrator"])
    for role in ("customer", "manager"):
        sign_in(Browser(live.app, live.settings.issuer), people[role])
    live.factory.give_passkey(people["customer"], SecurityKey(live.settings.issuer))
    return people


def _add_shop_and_rule(live: Live, owner: MadePerson, manager: MadePerson) -> None:
    rule = {"name": RULE, "starts": date(2026, 1, 1), "roles": ["customer"], "organisations": [owner.store_url]}
    with live.factory.context(), transaction():
        shop = shops.create(owner.organisation_id, {"code": "dam", "name": SHOP}, BY_TESTS)
        users.put_in_shops(owner.organisation_id, manager.id, [shop.id])
        users.change_user(owner.organisation_id, manager.id, all_shops=False)
        dated_rules.create(live.settings, rule, dated_rules.known_now(), BY_TESTS)


def _offer_ownership(live: Live, owner: MadePerson, iris: MadePerson) -> None:
    with live.factory.context():
        at = live.factory.organisation(owner.organisation_id)
        with transaction():
            organisations.set_owner(at, live.factory.user(owner), BY_TESTS)
        transfer.offer(live.settings, at, live.factory.user(iris), Origin(Person(owner.id)))


def _write_mail(live: Live, person: MadePerson) -> None:
    """Write a mail that waits, one that was sent, and one that was refused."""
    with live.factory.context(), transaction():
        for template in ("password_changed", "factor_set_up", "factor_removed"):
            notify(live.settings, person.organisation_id, person.id, template)
    with live.factory.context(), transaction():
        _, sent, refused = outbox.mails_of(person.organisation_id, "waiting", None, 3)
        outbox.note_sent(sent.id, clock.now())
        outbox.give_up(refused.id, clock.now(), "550 5.1.1", may_be_resent=True)
