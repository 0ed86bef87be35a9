"""``idp apply`` refuses a wrong file as a whole. It names file, line of the table's header, key and remedy."""

import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import ANNA, POS, SECRET, SHOP, Idp

LINES = {"shop": SHOP.count("\n"), "anna": (SHOP + ANNA[: ANNA.index("[[users]]")]).count("\n") + 1}
POLICY = '[[policies]]\nname = "rule"\nstarts = 2026-01-01\n'

SHAPES = [
    ('[[user]]\nusername = "a"\n', 1, "user", "use organisations, shops, groups, users"),
    ("title = 3\n", 1, "title", "is not known here"),
    ("users = 3\n", 1, "users", "must be a list of tables, each headed [[users]]"),
    ('[users]\nusername = "a"\n', 1, "users", "must be a list of tables, each headed [[users]]"),
    ('\n[[organisations]]\nstore_url = "a"\nnmae = "b"\n', 2, "nmae", "did you mean name?"),
    ('[[organisations]]\nname = "b"\n', 1, "store_url", "is missing"),
    ('[[organisations]]\nstore_url = "a"\nname = 3\n', 1, "name", "must be text in quotes"),
    ('[[organisations]]\nstore_url = "a"\nintegrations = "xero"\n', 1, "integrations", "must be a list of texts"),
    ('[[organisations]]\nstore_url = "a"\nabsent = "yes"\n', 1, "absent", "must be true or false"),
    ('[[shops]]\ncode = "x"\n', 1, "organisation", "is missing"),
    ('[[groups]]\norganisation = "a"\nname = "g"\nrequires_mfa = "yes"\n', 1, "requires_mfa", "must be true or false"),
    ('[[policies]]\nname = "p"\nstarts = "2021-04-30"\n', 1, "starts", "must be a date without quotes"),
    ('[[policies]]\nname = "p"\nstarts = 2021-04-30T10:00:00\n', 1, "starts", "must be a date without quotes"),
    (POS + 'client_secret_env = "X"\n', 2, "client_secret_env", "cannot be given beside client_secret"),
    (POS + 'redirect_uri = "https://a.example/"\n', 2, "redirect_uri", "did you mean redirect_uris?"),
    (POS + POS, 9, "client_id", "is in line 2 already"),
]


@pytest.mark.parametrize(("text", "line", "key", "remedy"), SHAPES)
def test_wrong_shapes_are_reported_with_the_line_of_their_header(
    idp: Idp, text: str, line: int, key: str, remedy: str
) -> None:
    """Issue: wrong input names file, line of the table's header, key and remedy."""
    (fault,) = idp.faults(text)
    assert fault.startswith(f"shop.toml:{line}: ")
    assert f"{key}: " in fault
    assert remedy in fault


ORGANISATIONS = [
    ('store_url = "example-shoes"', 'store_url = "Example Shoes"', "store_url", "small letters, digits and hyphens"),
    ('country = "NL"', 'country = "Holland"', "country", "two capital letters, for example NL"),
    ('name = "Example Shoes"', 'name = ""', "name", "one line of text of at most 200 characters"),
    ('owner = "olga"', 'owner = "nobody"', "owner", "there is no user 'nobody'; add [[users]]"),
    ('owner = "olga"', 'owner = "olga"\nsettings.login_hours = 0', "login_hours", "1–720"),
    ('owner = "olga"', 'owner = "olga"\nsettings.music = "loud"', "music", "is not a setting. The settings are"),
]


@pytest.mark.parametrize(("old", "new", "key", "remedy"), ORGANISATIONS)
def test_wrong_organisations_are_refused(idp: Idp, old: str, new: str, key: str, remedy: str) -> None:
    """Issue: the rules of organisations apply to files too."""
    faults = idp.faults(SHOP.replace(old, new))
    assert any(f"shop.toml:1: [[organisations]] {'' if key == 'store_url' else 'example-shoes'}" in line for line in faults)
    assert any(f"{key}: " in fault and remedy in fault for fault in faults), faults


def test_an_owner_needs_the_role_and_a_verified_address(idp: Idp) -> None:
    """S54: an owner gets the notices about users without an address."""
    unreachable = idp.faults(SHOP.replace("email_verified = true\n", ""))
    assert unreachable == ["shop.toml:7: [[users]] example-shoes/olga: email: An owner needs a verified e-mail address."]
    plain = idp.faults(SHOP.replace('role = "owner"', 'role = "manager"'))
    assert plain == ['shop.toml:1: [[organisations]] example-shoes: owner: olga must have the role "owner".']


USERS = [
    ('username = "anna"', 'username = " "', "username", "Enter a username"),
    ("anna@shoes.example", "anna at shoes", "email", "not an e-mail address"),
    ('given_name = "Anna"', 'role = "king"', "role", "must be one of: owner, administrator"),
    ('given_name = "Anna"', 'groups = ["nobody"]', "groups", "There is no group “nobody”"),
    ('given_name = "Anna"', 'shops = ["nowhere"]', "shops", "There is no shop “nowhere”"),
    ('given_name = "Anna"', 'phone_number = "call me"', "phone_number", "not a telephone number"),
    ('password = "a sturdy kettle sings"', 'password_hash = "md5:1234"', "password_hash", "$argon2id$"),
    ("ANNAANNAANNAANNAANNAANNAANNAANNA", "0189", "totp_secret", "not base32"),
    ("ANNAANNAANNAANNAANNAANNAANNAANNA", "ANNA", "totp_secret", "too short"),
    ('"abcdefg-hijkmnp", ', '"1234", ', "recovery_codes", "two groups of seven"),
    ('"abcdefg-hijkmnp", ', '"bcdefgh-ijkmnpq", ', "recovery_codes", "twice"),
    ('organisation = "example-shoes"', 'organisation = "elsewhere"', "organisation", "in this file or in the database"),
]


@pytest.mark.parametrize(("old", "new", "key", "remedy"), USERS)
def test_wrong_users_are_refused(idp: Idp, old: str, new: str, key: str, remedy: str) -> None:
    """Issue: references and credentials are checked before any change."""
    assert old in ANNA
    (fault,) = idp.faults(SHOP + ANNA.replace(old, new, 1))
    assert fault.startswith(f"shop.toml:{LINES['anna']}: [[users]]")
    assert f"{key}: " in fault
    assert remedy in fault
    assert idp("organisation", "list").stdout == "", "the file must be refused as a whole"


POLICIES = [
    (POLICY.replace("starts = 2026-01-01\n", ""), "starts", "Enter a first day"),
    (POLICY + "ends = 2025-01-01\n", "ends", "before the first"),
    (POLICY + 'require = "tea"\n', "require", "second_factor, pwd"),
    (POLICY + 'countries = ["Australia"]\n', "countries", "for example NL"),
    (POLICY + 'roles = ["king"]\n', "roles", "owner, administrator"),
    (POLICY + 'groups = ["nobody"]\n', "groups", "the name of a group"),
    (POLICY + 'organisations = ["nowhere"]\n', "organisations", "the store URL of an organisation"),
    (POLICY + 'clients = ["nothing"]\n', "clients", "the ID of an app (client_id)"),
]


@pytest.mark.parametrize(("text", "key", "remedy"), POLICIES)
def test_wrong_policies_are_refused(idp: Idp, text: str, key: str, remedy: str) -> None:
    """S11: a misspelt name must not make a rule that matches no user."""
    (fault,) = idp.faults(text)
    assert fault.startswith(f"shop.toml:1: [[policies]] rule: {key}: ")
    assert remedy in fault


CLIENTS = [
    (f'client_secret = "{SECRET}"', 'client_secret = "short"', "client_secret", "32 characters"),
    (f'client_secret = "{SECRET}"\n', "", "client_secret", "A secret is needed"),
    (f'client_secret = "{SECRET}"', 'client_secret_env = "NOT_SET_HERE"', "client_secret_env", "The environment variable"),
    ("first_party = true", 'token_endpoint_auth_method = "none"', "client_secret", "authenticates without a secret"),
    ("first_party = true", 'minimum_acr = "tea"', "minimum_acr", "one of pwd"),
    ("first_party = true", 'organisations = ["nowhere"]', "organisations", "There is no organisation nowhere"),
    ("first_party = true", 'grant_types = ["password"]', "grant_types", "authorization_code"),
    ('"http://localhost:8001/callback"', '"http://shop.example/callback"', "redirect_uris", "https"),
    ('["http://localhost:8001/callback"]', "[]", "redirect_uris", "At least one address"),
    ('client_id = "pos"', 'client_id = "p:s"', "client_id", "letters, digits"),
]


@pytest.mark.parametrize(("old", "new", "key", "remedy"), CLIENTS)
def test_wrong_clients_are_refused(idp: Idp, old: str, new: str, key: str, remedy: str) -> None:
    """Issue: metadata is validated as at registration."""
    assert old in POS
    (fault,) = idp.faults(POS.replace(old, new))
    assert fault.startswith("shop.toml:2: [[clients]] p")
    assert f"{key}: " in fault
    assert remedy in fault


def test_all_faults_are_reported_in_the_order_of_the_file(idp: Idp) -> None:
    """A user can correct all faults in one go. The consequence of a fault is not reported as another fault."""
    wrong = SHOP.replace('country = "NL"', 'country = "Holland"') + ANNA.replace("anna@shoes.example", "anna")
    faults = idp.faults(wrong + POLICY + 'require = "tea"\n')
    assert [fault.split(": ")[1] for fault in faults] == ["[[organisations]] example-shoes", "[[policies]] rule"]
    assert len(idp.faults(SHOP + ANNA.replace("anna@shoes.example", "anna") + POLICY + 'require = "tea"\n')) == 2


def test_header_lines_are_found_past_strings_comments_and_brackets(idp: Idp) -> None:
    """The text of a header within a string, a comment or a list is no header."""
    text = '''# [[users]]
[[organisations]] # [[users]]
store_url = "a"
name = """
[[users]]
"""
integrations = [
  "[[users]]",
]
[[ "users" ]]
organisation = 'a'
username = "x"
role = "king"
'''
    text = text.replace('name = """\n[[users]]\n"""', 'name = """\\\n  [[users]]"""')
    assert [fault.split(":")[1] for fault in idp.faults(text)] == ["9"]


def test_faults_in_inline_lists_name_the_line_of_their_key(idp: Idp) -> None:
    """A document without headers has lines to name too."""
    assert idp.faults('\n\nusers = [{organisation = "a", username = "b"}]\n')[0].startswith("shop.toml:3: [[users]] a/b")


def test_faults_in_settings_name_their_own_header(idp: Idp) -> None:
    """``[organisations.settings]`` has a line of its own."""
    text = SHOP.replace('owner = "olga"\n', 'owner = "olga"\n[organisations.settings]\nlogin_hours = "x"\n')
    assert idp.faults(text)[0].startswith("shop.toml:6: ")


def test_a_file_that_is_not_toml_is_refused_with_its_line(idp: Idp) -> None:
    """Issue: wrong input names file and place."""
    assert idp.faults('[[users]]\nname = "a\n')[0].startswith("shop.toml:2: is not TOML")


def test_a_file_in_another_encoding_is_refused(idp: Idp) -> None:
    """TOML requires UTF-8."""
    file = idp.folder / "latin.toml"
    file.write_bytes("# caf\xe9\n".encode("latin-1"))
    assert "is not UTF-8" in idp("apply", str(file), code=1).stderr


def test_a_missing_file_gets_one_clear_line(idp: Idp) -> None:
    """An error of the user shows no traceback."""
    assert "cannot be read" in idp("apply", str(idp.folder / "none.toml"), code=1).stderr


def test_a_command_without_configuration_says_how_to_name_one(tmp_path: Path, idp: Idp) -> None:
    """Every command accepts --config or IDP_CONFIG."""
    (tmp_path / "x.toml").write_text("")
    output = idp("apply", str(tmp_path / "x.toml"), code=1, env={"IDP_CONFIG": ""}).stderr
    assert "give --config FILE or set IDP_CONFIG" in output


@pytest.mark.parametrize("place", ["group", "command"])
def test_the_configuration_may_be_named_before_or_after_the_command(idp: Idp, place: str) -> None:
    """The group and each command accept --config."""
    named = ["--config", str(idp.config)]
    arguments = [*named, "user", "list"] if place == "group" else ["user", "list", *named]
    idp.apply(SHOP)
    assert "olga" in idp(*arguments, "example-shoes", env={"IDP_CONFIG": ""}).stdout


def test_a_database_of_another_program_gets_one_clear_line(idp: Idp) -> None:
    """The line says what to run. Only a database without tables gets ours."""
    with sqlite3.connect(idp.folder / "other.sqlite3") as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    other.close()
    text = idp.config.read_text().splitlines()
    changed = "\n".join(f'url = "sqlite:///{idp.folder}/other.sqlite3"' if line.startswith("url") else line for line in text)
    idp.config.write_text(changed)
    assert "run `idp migrate` first" in idp.apply(SHOP, code=1).stderr
