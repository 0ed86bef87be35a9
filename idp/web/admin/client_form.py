"""Define the fields of an app's form: every member of its metadata and our own settings, with their meaning."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from idp.config import Settings
from idp.errors import Invalid, Message, say
from idp.identity.organisations.settings import normal_store_url
from idp.oauth import client_metadata, encryption, security_profile, strict_json
from idp.oauth.certificate_subjects import MEMBERS as SUBJECTS
from idp.oauth.public_keys import FORMS
from idp.oauth.registration import Ours
from idp.oauth.signing_secrets import BY_MAC
from idp.store import organisations
from idp.store.clients import Client
from idp.web.admin.client_labels import FIRST, LABELS, fits
from idp.web.admin.client_meanings import MEANINGS, TEXTS

TEXT, LINES, CHOICE, SEVERAL, TRUTH, NUMBER = "text", "lines", "choice", "several", "truth", "number"
FIELDS_OF_ADMINISTRATORS = frozenset(
    (
        "client_name", "client_uri", "logo_uri", "policy_uri", "tos_uri", "contacts", TEXTS, "redirect_uris",
        "post_logout_redirect_uris", "backchannel_logout_uri", "initiate_login_uri", "scope", "default_acr_values",
        "default_max_age", "minimum_acr", "remember_device", "shared_device",
    )
)  # fmt: skip
"""The fields that administrators may change of an app that their organisation manages."""
STATED = "stated"
"""The kind of a truth that may also be left out."""
TABLE = "table"
"""The kind of a table, typed as JSON."""
MOST = say("Most used")
SIGN_IN, LOOK, SECURITY, OWN = say("Signing in"), say("What people see"), say("Tokens and keys"), say("Our own settings")


@dataclass(frozen=True)
class Field:
    """Describe a field: its registered name, kind, group, label and meaning. ``choices``: for one or several of them."""

    name: str
    kind: str
    group: Message
    label: Message
    meaning: Message
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shown:
    """Hold a field with its value: text for fields and lists, the chosen ones for choices."""

    field: Field
    text: str
    chosen: frozenset[str]


Row = tuple[str, str, Message, tuple[str, ...]]
LOOKS: tuple[Row, ...] = (
    ("client_name", TEXT, LOOK, ()),
    ("client_uri", TEXT, LOOK, ()),
    ("logo_uri", TEXT, LOOK, ()),
    ("policy_uri", TEXT, LOOK, ()),
    ("tos_uri", TEXT, LOOK, ()),
    ("contacts", LINES, LOOK, ()),
    (TEXTS, LINES, LOOK, ()),
)
TOKENS: tuple[Row, ...] = (
    ("security_profile", CHOICE, SECURITY, ("", security_profile.FAPI)),
    ("offline_access_survives_logout", TRUTH, SECURITY, ()),
    ("require_auth_time", TRUTH, SECURITY, ()),
    ("id_token_signed_response_alg", CHOICE, SECURITY, client_metadata.SIGNING_ALGORITHMS),
    ("request_uris", LINES, SECURITY, ()),
    ("request_object_signing_alg", CHOICE, SECURITY, ("", *FORMS)),
    ("jwks", TABLE, SECURITY, ()),
    ("jwks_uri", TEXT, SECURITY, ()),
    ("token_endpoint_auth_signing_alg", CHOICE, SECURITY, ("", *FORMS, *BY_MAC)),
    *((name, TEXT, SECURITY, ()) for name in SUBJECTS),
    ("authorization_signed_response_alg", CHOICE, SECURITY, ("", *client_metadata.SIGNING_ALGORITHMS)),
    ("userinfo_signed_response_alg", CHOICE, SECURITY, ("", *client_metadata.SIGNING_ALGORITHMS)),
    *(
        (member(kind), CHOICE, SECURITY, ("", *values))
        for kind in encryption.KINDS
        for member, values in ((encryption.alg_member, encryption.ALGORITHMS), (encryption.enc_member, encryption.ENCODINGS))
    ),
    ("id_token_claims", TRUTH, SECURITY, ()),
    ("claims", TABLE, SECURITY, ()),
    ("resource", TABLE, SECURITY, ()),
    ("token_exchange_resources", LINES, SECURITY, ()),
    ("authorization_details_types", LINES, SECURITY, ()),
    ("introspection_signed_response_alg", CHOICE, SECURITY, ("", *client_metadata.SIGNING_ALGORITHMS)),
    ("dpop_bound_access_tokens", TRUTH, SECURITY, ()),
    ("tls_client_certificate_bound_access_tokens", TRUTH, SECURITY, ()),
    ("subject_type", CHOICE, SECURITY, ("public", "pairwise")),
    ("sector_identifier_uri", TEXT, SECURITY, ()),
)
BACK_CHANNEL: tuple[Row, ...] = (
    ("backchannel_logout_uri", TEXT, SIGN_IN, ()),
    ("backchannel_logout_session_required", TRUTH, SIGN_IN, ()),
    ("backchannel_token_delivery_mode", CHOICE, SIGN_IN, ("", "poll", "ping")),
    ("backchannel_client_notification_endpoint", TEXT, SIGN_IN, ()),
    ("backchannel_authentication_request_signing_alg", CHOICE, SIGN_IN, ("", *FORMS)),
)
"""The fields of some groups, in the order of the form: name, kind, group and choices."""


def fields(settings: Settings, api_scopes: Sequence[str] = ()) -> tuple[Field, ...]:
    """Return all fields in the order of the form. ``api_scopes``: the scopes of APIs that it offers beside ours."""
    acr = tuple(settings.acr.names)
    table: tuple[Row, ...] = (
        *LOOKS,
        ("redirect_uris", LINES, SIGN_IN, ()),
        ("post_logout_redirect_uris", LINES, SIGN_IN, ()),
        *BACK_CHANNEL,
        ("application_type", CHOICE, SIGN_IN, ("web", "native")),
        ("token_endpoint_auth_method", CHOICE, SIGN_IN, ("", *client_metadata.AUTH_METHODS)),
        ("require_pkce", STATED, SIGN_IN, ("", "true", "false")),
        ("require_pushed_authorization_requests", TRUTH, SIGN_IN, ()),
        ("require_signed_request_object", TRUTH, SIGN_IN, ()),
        ("grant_types", SEVERAL, SIGN_IN, client_metadata.GRANT_TYPES),
        ("response_types", SEVERAL, SIGN_IN, client_metadata.RESPONSE_TYPES),
        ("scope", SEVERAL, SIGN_IN, (*client_metadata.SCOPES, *api_scopes)),
        ("default_acr_values", SEVERAL, SIGN_IN, acr),
        ("default_max_age", NUMBER, SIGN_IN, ()),
        ("initiate_login_uri", TEXT, SIGN_IN, ()),
        ("first_party", TRUTH, OWN, ()),
        ("minimum_acr", CHOICE, OWN, ("", *acr)),
        ("remember_device", TRUTH, OWN, ()),
        ("shared_device", TRUTH, OWN, ()),
        ("organisations", LINES, OWN, ()),
        *TOKENS,
    )
    return tuple(Field(name, kind, group, LABELS[name], MEANINGS[name], choices) for name, kind, group, choices in table)


def shown(
    settings: Settings, row: Client | None, form: Mapping[str, str] | None = None, api_scopes: Sequence[str] = ()
) -> tuple[Shown, ...]:
    """Return the fields with the app's values, or with those of ``form``, so that a mistake loses nothing."""
    if form is not None:
        return tuple(Shown(one, form.get(one.name, ""), _ticked(one, form)) for one in fields(settings, api_scopes))
    return _with_values(row, fields(settings, api_scopes))


def _with_values(row: Client | None, every: Sequence[Field]) -> tuple[Shown, ...]:
    values = known(row)
    return tuple(_shown(one, values.get(one.name)) for one in every)


def for_administrators(every: Sequence[Shown]) -> tuple[Shown, ...]:
    """Return the fields that administrators may change of an app of their organisation."""
    return tuple(one for one in every if one.field.name in FIELDS_OF_ADMINISTRATORS)


def of_administrator(row: Client, metadata: Mapping[str, Any], ours: Ours) -> tuple[dict[str, Any], Ours]:
    """Return what an administrator entered, with all else as it is."""
    free = {name for name in (*metadata, *row.metadata_) if name.partition("#")[0] in FIELDS_OF_ADMINISTRATORS}
    kept = {name: value for name, value in row.metadata_.items() if name not in free}
    present = replace(ours, first_party=row.first_party, organisations=tuple(row.organisations))
    return {**kept, **{name: value for name, value in metadata.items() if name in free}}, present


def fitting(every: Sequence[Shown], row: Client | None) -> tuple[Shown, ...]:
    """Return the fields that fit what an app is, and those that have a value. What is left out is empty, and stays so."""
    if row is None:
        return tuple(every)
    known = {one.field.name for one in _with_values(row, [each.field for each in every]) if one.text or one.chosen - {""}}
    fit = {name for name in LABELS if fits(name, row.metadata_, shared=row.shared_device)}
    return tuple(one for one in every if one.field.name in known | fit)


@dataclass(frozen=True)
class Group:
    """Hold fields that belong together. ``is_first``: those that people change most."""

    title: Message
    fields: tuple[Shown, ...]
    is_first: bool = False


def grouped(every: Sequence[Shown]) -> tuple[Group, ...]:
    """Return the fields by group, those that people change most first."""
    first = Group(MOST, tuple(one for one in every if one.field.name in FIRST), is_first=True)
    others = [one for one in every if one.field.name not in FIRST]
    titles = (LOOK, SIGN_IN, SECURITY, OWN)
    return (first, *(Group(title, tuple(one for one in others if one.field.group is title)) for title in titles))


def known(row: Client | None) -> dict[str, Any]:
    """Return the members of a client by their names, or those that a new one begins with."""
    if row is None:
        return {
            "application_type": "web", "grant_types": ["authorization_code"], "response_types": ["code"],
            "scope": "openid profile email", "remember_device": True, "id_token_signed_response_alg": "RS256",
            "subject_type": "public",
        }  # fmt: skip
    served = [organisations.organisation(entry) for entry in row.organisations]
    return {
        **row.metadata_,
        TEXTS: [f"{name} = {value}" for name, value in row.metadata_.items() if "#" in name],
        "first_party": row.first_party,
        "minimum_acr": row.minimum_acr,
        "remember_device": row.remember_device,
        "shared_device": row.shared_device,
        "organisations": [one.store_url for one in served if one is not None],
    }


def _shown(field: Field, value: Any) -> Shown:
    if field.kind == SEVERAL:
        return Shown(field, "", frozenset(value.split() if isinstance(value, str) else value or ()))
    if field.kind == TRUTH:
        return Shown(field, "", frozenset({"yes"} if value else ()))
    if field.kind == STATED and value is not None:
        value = str(value).lower()
    if field.kind == TABLE and value:
        value = json.dumps(value, indent=1, ensure_ascii=False)
    text = "\n".join(value) if isinstance(value, list) else "" if value is None else str(value)
    return Shown(field, text, frozenset({text}))


def _ticked(field: Field, form: Mapping[str, str]) -> frozenset[str]:
    if field.kind == SEVERAL:
        return frozenset(choice for choice in field.choices if f"{field.name}.{choice}" in form)
    return frozenset({"yes"} if field.kind == TRUTH and field.name in form else {form.get(field.name, "")})


def read(
    settings: Settings, row: Client | None, form: Mapping[str, str], api_scopes: Sequence[str] = ()
) -> tuple[dict[str, Any], Ours]:
    """Return metadata and our own settings as entered. Raises ``Invalid``. Members outside the form stay."""
    every = {one.name: one for one in fields(settings, api_scopes)}
    kept = {name: value for name, value in (row.metadata_ if row else {}).items() if name not in every and "#" not in name}
    typed = {one.name: _value(one, form) for one in every.values() if one.group is not OWN and one.name != TEXTS}
    typed["scope"] = " ".join((typed["scope"], *_scopes_outside(row, every["scope"]))).strip()
    ours = Ours(
        first_party="first_party" in form,
        minimum_acr=form.get("minimum_acr", ""),
        remember_device="remember_device" in form,
        shared_device="shared_device" in form,
        organisations=tuple(_organisation_id(store_url) for store_url in _lines(form.get("organisations", ""))),
    )
    return {**kept, **_texts(form.get(TEXTS, "")), **typed}, ours


def _scopes_outside(row: Client | None, field: Field) -> list[str]:
    """Return the app's scopes that the form does not show: their API may be registered later."""
    return [scope for scope in (str(row.metadata_.get("scope", "")) if row else "").split() if scope not in field.choices]


def _value(field: Field, form: Mapping[str, str]) -> Any:
    typed = form.get(field.name, "").strip()
    if field.kind == SEVERAL:
        chosen = [choice for choice in field.choices if choice in _ticked(field, form)]
        if field.name == "grant_types":
            return chosen  # an API may have none; what is left out is authorization_code
        return " ".join(chosen) if field.name == "scope" else chosen or None
    if field.kind == TRUTH:
        return field.name in form or None
    if field.kind == STATED:
        return {"true": True, "false": False}.get(typed, typed or None)
    if field.kind == LINES:
        return _lines(typed) or None
    if field.kind == TABLE and typed:
        return _table(field.name, typed)
    if field.kind == NUMBER and typed:
        return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 11 else typed
    return typed or None


def _table(name: str, text: str) -> Any:
    try:
        return strict_json.read(text)
    except ValueError as error:
        raise Invalid(name, say("This is not JSON.")) from error


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _texts(text: str) -> dict[str, str]:
    found = {}
    for line in _lines(text):
        name, equals, value = (part.strip() for part in line.partition("="))
        base, sharp, tag = name.partition("#")
        if not equals or not sharp or not tag or base not in client_metadata.IN_LANGUAGES:
            raise Invalid(TEXTS, say("Write each line as client_name#nl = Kassa."))
        found[name] = value
    return found


def _organisation_id(store_url: str) -> str:
    found = organisations.organisation_at(normal_store_url(store_url))
    if found is None:
        raise Invalid("organisations", say("There is no organisation %(store_url)s.", store_url=store_url))
    return found.id
