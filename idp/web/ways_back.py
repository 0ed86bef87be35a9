"""Find the way back: the address of the page that led here, or to which a form leads back.

Only paths of ours: nobody is redirected to another site.
"""

from urllib.parse import SplitResult, parse_qs, parse_qsl, quote, urlencode, urlsplit

from flask import request

from idp.web import request_context

LONGEST_WAY_BACK = 1500
LONGEST_QUERY = 8000
"""Characters of a query that a page repeats in itself."""
PASSING = ("done", "answer", "language")
"""Parameters of a page that are about one visit."""


def way_back(otherwise: str) -> str:
    """Return our path that a posted form names in ``back``. Other sites are never redirected to.

    If the page was the answer to a form, it is that page, with what was entered and what was wrong.
    """
    back = request.form.get("back", otherwise)
    page = request.headers.get("Referer", "").removeprefix(request_context.settings().issuer)
    back = page if page.startswith("/") and is_answer(page) else back
    is_ours = back.startswith("/") and not back.startswith("//") and "\\" not in back and back.isprintable()
    return back if is_ours else otherwise


def this_page() -> str:
    """Return our path under which the present page can be opened again, as ``back`` of a form that leads back to it.

    The answer to a form is found by its Referer (``way_back``).
    """
    if request.method not in ("GET", "HEAD"):
        return "/"
    path, query = quote(request.path), request.query_string.decode("latin-1")
    return f"{path}?{query}" if query and len(query) <= LONGEST_QUERY else path


def is_answer(address: str) -> bool:
    """Check if this is the address of an answer to a form (``post_redirect_get``)."""
    return "answer" in parse_qs(_parts(address).query)


def referrer() -> SplitResult:
    """Return the address of the page that led here, in parts; they are empty where the browser names none."""
    return _parts(request.referrer or "")


def _parts(address: str) -> SplitResult:
    """Split an address that anybody may have sent. One that is none has empty parts."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def came_from(otherwise: str) -> str:
    """Return the path of our page that led here: a way back that needs no proof. Sign-in pages are left out."""
    parts = referrer()
    is_ours = f"{parts.scheme}://{parts.netloc}" == request_context.settings().issuer
    is_page = parts.path.startswith(("/account", "/admin/")) or parts.path == "/"
    if not is_ours or not is_page or parts.path == request.path or len(parts.path) > LONGEST_WAY_BACK:
        return otherwise
    return parts.path


def seen_before(address: str) -> str:
    """Return the address of a list with the search and the page that the reader came from; as it is without them."""
    parts = referrer()
    is_ours = f"{parts.scheme}://{parts.netloc}" == request_context.settings().issuer
    kept = [pair for pair in parse_qsl(parts.query) if pair[0] not in PASSING]
    if not is_ours or parts.path != address or not kept or len(parts.query) > LONGEST_WAY_BACK:
        return address
    return f"{address}?{urlencode(kept)}"
