"""Put the menu of the console into its samples, as a page of each section has it."""

import sys
from dataclasses import replace
from typing import Any

from idp.web.admin import guard
from idp.web.admin.confirm_dialog import DialogPage


def in_menu(page: Any) -> Any:
    """Return a page of the console with the menu of its reader, at the section of its view; another page as it is."""
    frame = getattr(page, "frame", None)
    if not isinstance(frame, guard.Frame):
        return page
    of_view = frame.here if isinstance(page, DialogPage) else getattr(sys.modules[type(page).__module__], "HERE", frame.here)
    entries = tuple(one for one in guard.SECTIONS if frame.is_operator or not one.operators_only)
    return replace(page, frame=replace(frame, here=guard.OF_SECTION.get(of_view, of_view), entries=entries))
