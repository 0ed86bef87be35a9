"""An organisation with one object of every kind, for the table of routes that change data."""

from collections.abc import Mapping
from datetime import timedelta
from itertools import count

from idp import clock, crypto, worker
from idp.actors import Person
from idp.audit import Origin
from idp.db import transaction
from idp.identity.credentials import authenticator_apps, passkeys, remembered_devices
from idp.identity.organisations import groups, logos, shops
from idp.identity.organisations import status as organisation_status
from idp.identity.organisations.settings import settings_of
from idp.identity.ownership import owner_recovery, transfer
from idp.identity.people_import import jobs
from idp.identity.policy import dated_rules, organisation_rules
from idp.identity.users import status
from idp.mail.messages import notify
from idp.oauth import registration
from idp.oauth.registration import Ours
from idp.store import client_secrets, consents, outbox, rate_limits, sessions
from idp.store import jobs as store_jobs
from idp.store.organisations import Group
from idp.web import edited
from tests.drivers import pictures
from tests.drivers.security_key import SecurityKey
from tests.factories import BY_TESTS, Factory, MadePerson

AT = "/admin/example-shoes"
ISSUER = "https://id.example.com"
Form = Mapping[str, str | bool]


class World:
    """An organisation with one object of every kind, made for each row. ``browsers`` are signed in, and found by name."""

    def __init__(self, factory: Factory, shoes: str, actors: Mapping[str, MadePerson]) -> None:
        self.factory, self.shoes, self.actors, self._numbers = factory, shoes, actors, count()
        self.looked_up: list[str] = []

    def name(self) -> str:
        """Return a name that is not in use."""
        return f"n{next(self._numbers)}"

    def person(self, **details: object) -> MadePerson:
        """Create a user with a second factor and a verified address."""
        name = self.name()
        return self.factory.make_user(self.shoes, name, **{"with_totp": True, "email": f"{name}@shoes.example", **details})

    def path(self, person: MadePerson, act: str) -> str:
        """Return an address about a user."""
        return f"{AT}/people/{person.id}/{act}"

    def organisation(self, *, disabled: bool = False) -> str:
        """Create another organisation and return its store URL."""
        made = self.factory.make_organisation(self.name())
        with self.factory.context():
            at = self.factory.organisation(made)
            if disabled:
                organisation_status.disable(at, BY_TESTS)
            return at.store_url

    def group(self, *, requires_mfa: bool) -> Group:
        """Create a group."""
        values = {"name": self.name(), "requires_mfa": requires_mfa}
        with self.factory.context(), transaction():
            return groups.create(self.shoes, values, BY_TESTS)

    def shop(self) -> str:
        """Create a shop and return its id."""
        with self.factory.context(), transaction():
            return shops.create(self.shoes, {"code": self.name(), "name": "One"}, BY_TESTS).id

    def rule(self) -> str:
        """Create a dated rule and return its name."""
        values = {"name": self.name(), "starts": clock.now().date() + timedelta(days=9), "countries": ["AU"]}
        with self.factory.context(), transaction():
            return dated_rules.create(self.factory.settings, values, dated_rules.known_now(), BY_TESTS).name

    def own_rule(self) -> str:
        """Create a dated rule of the organisation's own and return its id."""
        values = {"name": self.name(), "starts": clock.now().date(), "roles": ["manager"]}
        with self.factory.context(), transaction():
            return organisation_rules.create(self.factory.organisation(self.shoes), values, BY_TESTS).id

    def client(self, *, disabled: bool = False) -> str:
        """Create an app and return its id."""
        name, metadata = self.name(), {"client_name": "Till", "redirect_uris": ["https://shop.example.com/callback"]}
        with self.factory.context():
            registration.register(self.factory.settings, name, metadata, Ours(), None, BY_TESTS)
            if disabled:
                registration.disable(name, BY_TESTS)
        return name

    def session_of(self, person: MadePerson) -> str:
        """Return the id of an open session of the user."""
        with self.factory.context():
            return sessions.sessions_of(person.organisation_id, person.id, clock.now(), None, 100)[0].id


def disabled(world: World, role: str) -> MadePerson:
    person = world.person(role=role)
    with world.factory.context():
        at = world.factory.organisation(world.shoes)
        status.disable(world.factory.settings, at, world.factory.user(person), BY_TESTS)
    return person


def failed(world: World, role: str) -> MadePerson:
    person = world.person(role=role)
    with world.factory.context(), transaction():
        rate_limits.admit_guess(person.organisation_id, person.id, "totp", "here", clock.now(), [(9, clock.now())])
    return person


def member(world: World, *, requires_mfa: bool) -> tuple[str, Form]:
    group = world.group(requires_mfa=requires_mfa)
    return world.path(world.person(groups=(group.name,)), "edit"), {f"group-{group.id}": False}


def named(world: World) -> tuple[str, Form]:
    """Create a group that requires nothing itself, but is named by a dated rule."""
    group = world.group(requires_mfa=False)
    values = {"name": world.name(), "starts": clock.now().date(), "groups": [group.name]}
    with world.factory.context(), transaction():
        dated_rules.create(world.factory.settings, values, dated_rules.known_now(), BY_TESTS)
    return world.path(world.person(groups=(group.name,)), "edit"), {f"group-{group.id}": False}


def previewed(world: World) -> Form:
    """Return the form of a rule for managers as its preview sends it."""
    fields = {"name": world.name(), "starts": "2031-01-01", "role-manager": "yes"}
    return {**fields, "seen": edited.state_of(fields)}


def group(world: World, change: Form, *, requires_mfa: bool) -> tuple[str, Form]:
    return f"{AT}/groups/{world.group(requires_mfa=requires_mfa).id}", change


def passkey(world: World, person: MadePerson) -> str:
    world.factory.give_passkey(person, SecurityKey(ISSUER), world.name())
    with world.factory.context():
        return passkeys.passkeys_of(world.factory.user(person))[-1].id


def app(world: World, person: MadePerson) -> str:
    """Add an app, unless there are enough. Returns the last one."""
    with world.factory.context():
        is_full = not authenticator_apps.free_number(world.factory.user(person))
    if not is_full:
        world.factory.give_app(person, world.name())
    with world.factory.context():
        return authenticator_apps.apps_of(world.factory.user(person))[-1].id


def another_app(world: World) -> tuple[str, Form]:
    person = world.person()
    return world.path(person, f"authenticator-apps/{app(world, person)}/remove"), {}


def another_passkey(world: World) -> tuple[str, Form]:
    person = world.person()
    return world.path(person, f"passkeys/{passkey(world, person)}/remove"), {}


def logo(world: World) -> tuple[str, Form]:
    with world.factory.context():
        logos.adopt(world.factory.organisation(world.shoes), pictures.picture(), BY_TESTS)
    return f"{AT}/settings/logo", {"remove": "yes"}


def offered(world: World) -> tuple[str, Form]:
    iris, boss = world.person(role="manager"), world.actors["boss"]
    with world.factory.context():
        at, to = world.factory.organisation(world.shoes), world.factory.user(iris)
        transfer.offer(world.factory.settings, at, to, Origin(Person(boss.id)))
    return f"{AT}/ownership/withdraw", {}


def recovering(world: World, path: str) -> tuple[str, Form]:
    with world.factory.context():
        at = world.factory.organisation(world.shoes)
        if owner_recovery.under_way(at.id) is None:
            owner_recovery.start(world.factory.settings, at, BY_TESTS)
    return path, {}


def mail(world: World) -> tuple[str, Form]:
    person = world.person()
    with world.factory.context(), transaction():
        notify(world.factory.settings, person.organisation_id, person.id, "disabled")
    with world.factory.context(), transaction():
        row = next(mail for mail in outbox.mails() if mail.user_id == person.id)
        outbox.note_failure(row.id, 1, clock.now(), "away")
        return f"{AT}/mail/{row.id}/resend", {}


def imported(world: World, act: str) -> tuple[str, Form]:
    """Upload a file of one person; for its codes, carry it out."""
    settings, anna = world.factory.settings, Origin(Person(world.actors["anna"].id))
    with world.factory.context():
        at, file = world.factory.organisation(world.shoes), f"username\n{world.name()}\n".encode()
        job_id = jobs.draft(settings, at, file, anna, prints_codes=True)
        if act == "codes" and (job := store_jobs.job(at.id, job_id)):
            jobs.start(settings, job, anna)
            while worker.carry_out_jobs(settings):
                pass
    return f"{AT}/people/import/{job_id}/{act}", {}


def consent(world: World) -> tuple[str, Form]:
    kim, client = world.actors["kim"], world.client()
    with world.factory.context(), transaction():
        consents.give_consent(kim.organisation_id, kim.id, client, ["openid"], clock.now())
    return f"/account/apps/{client}/end", {}


def secret(world: World) -> tuple[str, Form]:
    client_id = world.client()
    with world.factory.context():
        (row,) = client_secrets.valid_secrets(client_id, clock.now())
    return f"{AT}/apps/{client_id}/secrets/{row.id}/end", {}


def owner(world: World, act: str) -> str:
    return f"{AT}/people/{world.actors['boss'].id}/{act}"


def device(world: World, person: MadePerson) -> tuple[str, Form]:
    with world.factory.context():
        settings, at = world.factory.settings, world.factory.organisation(world.shoes)
        token = crypto.new_secret()
        terms = settings_of(settings, at)
        device = remembered_devices.remember(settings, terms, world.factory.user(person), token, "Firefox", clock.now())
    return f"/account/devices/{device}/forget", {}
