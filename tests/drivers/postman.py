"""Run the worker's rounds, and read the mails that it wrote into the folder, as their readers would."""

import email
import re
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from idp import worker
from tests.factories import Factory


@dataclass(frozen=True)
class Received:
    """Hold one mail, as it arrived."""

    to: str
    subject: str
    text: str
    html: str

    @property
    def links(self) -> list[str]:
        """Return every address in the text, in order."""
        return re.findall(r"https?://\S+", self.text)

    @property
    def link(self) -> str:
        """The address that is more than the issuer's front page."""
        found = [one for one in self.links if one.count("/") > 3]
        assert len(found) == 1, (self.subject, self.links)
        return found[0]


class Postman:
    """Run the worker's rounds and return the mails that arrived since the last time."""

    def __init__(self, factory: Factory, folder: Path) -> None:
        self._factory, self._folder = factory, folder
        self._seen: set[str] = set()

    def bring(self, to: str = "") -> list[Received]:
        """Return the new mails (to one address), after a round of the worker."""
        with self._factory.context():
            worker.work_once(self._factory.settings)
        files = [file for file in sorted(self._folder.glob("*.eml")) if file.name not in self._seen]
        self._seen |= {file.name for file in files}
        files.sort(key=lambda file: file.stat().st_mtime_ns)
        brought = [_read(file) for file in files]
        return [mail for mail in brought if to in ("", mail.to)]

    def link(self, to: str) -> str:
        """The only link that was mailed to ``to`` since the last time."""
        (mail,) = [one for one in self.bring(to) if any(address.count("/") > 3 for address in one.links)]
        return mail.link


def _read(file: Path) -> Received:
    message = email.message_from_bytes(file.read_bytes(), policy=default)
    assert isinstance(message, EmailMessage)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    return Received(str(message["To"]), str(message["Subject"]), text.get_content(), html.get_content())
