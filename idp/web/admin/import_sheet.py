"""Show the printable sheet with a code for each new person of an import, once."""

from dataclasses import dataclass
from datetime import datetime

from flask import Response, url_for

from idp import clock
from idp.audit import Origin
from idp.identity.people_import import codes
from idp.identity.people_import.codes import Card
from idp.store.jobs import Job
from idp.web import assets, pages, post_redirect_get, request_context
from idp.web.admin.guard import Frame


@dataclass(frozen=True)
class SheetPage:
    """Hold the printable sheet. ``address``: of the first sign-in; ``box`` and ``path``: its QR code as one symbol.

    ``ended``: the usernames without a card, because their code has ended.
    """

    frame: Frame
    job_id: str
    cards: tuple[Card, ...]
    address: str
    printed_at: datetime
    until: datetime | None
    box: str
    path: str
    ended: tuple[str, ...] = ()


def show_once(frame: Frame, job: Job, origin: Origin, back: str) -> Response:
    """Show the codes of an import, which are wiped. ``back``: where a reload leads."""
    settings = request_context.settings()
    sheet, address = codes.show_once(settings, job, origin), settings.issuer + url_for("reset.welcome")
    box, path = assets.qr_parts(address)
    post_redirect_get.land_at(back)
    page = SheetPage(frame, job.id, sheet.cards, address, clock.now(), job.codes_until, box, path, sheet.ended)
    return pages.render("admin/import_sheet.html", page)
