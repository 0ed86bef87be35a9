"""Read in the console why a file, or a line of it, is refused (S64)."""

import io

from tests.drivers.people_import import AT, upload
from tests.factories import Factory

HEAD = "gebruikersnaam;naam;e-mail;rol;winkels;groepen;taal;geldig tot en met\n"


def test_a_line_names_all_that_is_wrong_with_it(factory: Factory, enter, shoes, anna, jan) -> None:
    """One reading of the page is enough to mend a line, of a new person and of a known one. The file says the same."""
    text = HEAD + "kim;Kim;not an address;piet;Mars;Moon;Klingon;31-31-2026\njan;;a@b;eigenaar;Mars;Sun;;2020-01-01\n"
    roles = "There is no role “piet”. Write Administrator, Manager, Employee or Customer, or leave the cell empty"
    own = ("no shop “Mars”", "no group “Moon”", "Choose one of the languages", "must be a date", roles)
    known = ("no shop “Mars”", "no group “Sun”", "no last day", "cannot give anybody the role")
    both = ("not an e-mail address",)
    browser = upload(enter(anna), text)
    first, second = (line.replace("\u2060", "") for line in browser.html.split("<tr>")[-2:])
    assert not [words for words in (*own, *both) if words not in first]
    assert not [words for words in (*known, *both) if words not in second]
    browser.open(f"{browser.url}/refused.csv")
    assert not [words for words in (*own, *known, *both) if words not in browser.html]


def test_a_bad_file_is_refused_with_a_remedy(enter, anna) -> None:
    """Not a CSV file, a wrong header, nothing at all: the form comes back and says what to do."""
    browser = enter(anna)
    for data, remedy in ((b"PK\x03\x04\0\0", "Save as"), (b"name\nKim\n", "username"), (b"", "Choose a file")):
        browser.open(AT)
        form = {"csrf_token": browser.value("csrf_token"), "file": (io.BytesIO(data), "people.csv")}
        answer = browser.client.post(AT, data=form, base_url=browser.issuer)
        assert remedy in browser.open(answer.headers["Location"]).text
        assert browser.status == 422
