"""A browser over HTTP: keeps cookies, follows redirects within the issuer, reads pages and fills in forms.

It stops where a redirect (or a form that submits itself) leaves the issuer, at ``left_for``.
"""

import re
from typing import Any, Self
from urllib.parse import urlencode, urljoin, urlsplit

from flask import Flask
from werkzeug.datastructures import MultiDict
from werkzeug.test import Client, TestResponse

from tests.drivers.page import Form, Page

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
LONGEST_CHAIN = 15


class Browser:
    """Hold one browser profile, which starts without cookies."""

    def __init__(
        self, app: Flask, issuer: str, *, agent: str = FIREFOX, languages: str = "en", address: str = "192.0.2.7"
    ) -> None:
        self.issuer = issuer
        self.client: Client = app.test_client()
        self._headers = {"User-Agent": agent, "Accept-Language": languages}
        self._address = address
        self.url = issuer + "/"
        self.left_for: str | None = None
        self.left_with: dict[str, str] = {}
        self.response: TestResponse | None = None
        self.page = Page("")
        self._form: Form | None = None
        self.hops: list[str] = []
        self._sent: tuple[str, list[tuple[str, str]]] | None = None
        self._referrer = ""

    def open(self, url: str) -> Self:
        """Go to an address, or to a path of the issuer."""
        self.hops = []
        return self._go("GET", urljoin(self.issuer + "/", url))

    def reload(self) -> Self:
        """Load the same address again, by GET."""
        return self.open(self.url)

    def send_again(self) -> Self:
        """Reload a page that answers a form: the same form is sent once more."""
        assert self._sent is not None
        return self.send("POST", *self._sent)

    def fill(self, **fields: str | bool) -> Self:
        """Fill in fields of the first form that has them all; ``True`` ticks a box."""
        fitting = [form for form in self.page.forms if all(name in form.kinds for name in fields)]
        if not fitting:
            raise AssertionError(f"no form here has {sorted(fields)}; {self._what_is_here()}")
        self._form = fitting[0]
        for name, value in fields.items():
            self._form.set(name, value)
        return self

    def submit(self, button: str | None = None, **more: str) -> Self:
        """Send the form: by its first button, or by the one with this name, ``name=value`` or text.

        Without a preceding ``fill`` it is the first form that has the button. ``more`` are fields that the page does not
        have, as an attacker would add them.
        """
        form, pressed = self._form, None
        if button is not None:
            candidates = [form] if form and form.button(button) else self.page.forms
            form = next((one for one in candidates if one.button(button)), None)
            pressed = form.button(button) if form else None
        elif form is None:
            form = next((one for one in self.page.forms if one.method == "post"), None)
        if form is None:
            raise AssertionError(f"nothing to press ({button!r}); {self._what_is_here()}")
        pressed = pressed or (form.buttons[0] if form.buttons and button is None else pressed)
        data = [(name, value) for name, values in form.fields.items() for value in values]
        data += [(pressed.name, pressed.value)] if pressed and pressed.name else []
        return self.send(form.method, urljoin(self.url, form.action), [*data, *more.items()])

    def send(self, method: str, url: str, data: list[tuple[str, str]]) -> Self:
        """Send form data to an address, whatever the page offers."""
        self.hops = []
        if not self._is_ours(url):
            return self._leave(url, dict(data))
        if method.upper() == "GET":
            return self._go("GET", f"{url.partition('?')[0]}?{urlencode(data)}")
        self._sent = (url, data)
        return self._go("POST", url, data)

    def click(self, text: str) -> Self:
        """Follow the link with this text (or a part of it)."""
        href = next((href for href, words in self.page.links if text in words), None)
        if href is None:
            raise AssertionError(f"no link says {text!r}; {self._what_is_here()}")
        target = urljoin(self.url, href)
        self._referrer = self.url
        return self.open(target) if self._is_ours(target) else self._leave(target, {})

    def forget_cookies(self) -> Self:
        """Clear all cookies."""
        self.client._cookies.clear()  # type: ignore[union-attr] # Werkzeug has no public way
        return self

    def restart(self) -> Self:
        """Close the browser and open it again: cookies without an age of their own are gone."""
        jar = self.client._cookies or {}
        for key in [key for key, cookie in jar.items() if cookie.max_age is None and cookie.expires is None]:
            del jar[key]
        return self

    @property
    def cookies(self) -> dict[str, str]:
        """Return the cookies, name → value."""
        return {cookie.key: cookie.value for cookie in (self.client._cookies or {}).values()}

    @property
    def status(self) -> int:
        """Return the last answer's status."""
        assert self.response is not None
        return self.response.status_code

    @property
    def headers(self) -> Any:
        """Return the last answer's headers."""
        assert self.response is not None
        return self.response.headers

    @property
    def html(self) -> str:
        """Return the last answer's body."""
        assert self.response is not None
        return self.response.get_data(as_text=True)

    @property
    def text(self) -> str:
        """Return the visible text."""
        return self.page.text

    @property
    def heading(self) -> str:
        """Return the page's ``h1``."""
        return self.page.heading

    @property
    def errors(self) -> list[str]:
        """Return the errors that the page shows."""
        return self.page.errors

    @property
    def fields(self) -> set[str]:
        """Return the names of the visible fields of all forms."""
        return set().union(*(form.visible for form in self.page.forms)) if self.page.forms else set()

    def value(self, name: str) -> str:
        """Return the value of a field."""
        form = next((form for form in self.page.forms if name in form.fields), None)
        if form is None:
            raise AssertionError(f"there is no field {name!r}; {self._what_is_here()}")
        return (form.fields[name] or [""])[0]

    def offers(self, button: str) -> bool:
        """Return whether a button with this name, ``name=value`` or text is there."""
        return any(form.button(button) for form in self.page.forms)

    def _is_ours(self, url: str) -> bool:
        one, other = urlsplit(url), urlsplit(self.issuer)
        return (one.scheme, one.netloc) == (other.scheme, other.netloc)

    def _go(self, method: str, url: str, data: list[tuple[str, str]] | None = None) -> Self:
        self.left_for, self.left_with, self._form = None, {}, None
        for _ in range(LONGEST_CHAIN):
            self.hops.append(url)
            self._ask(method, url, data)
            if self.status not in (301, 302, 303, 307, 308):
                self._referrer = ""
                return self._arrive()
            url = urljoin(url, self.headers["Location"])
            if not self._is_ours(url):
                return self._leave(url, {})
            if self.status not in (307, 308):
                method, data = "GET", None
        raise AssertionError(f"redirected in circles: {self.hops}")

    def _ask(self, method: str, url: str, data: list[tuple[str, str]] | None) -> None:
        parts = urlsplit(url)
        headers = dict(self._headers) | ({"Referer": self._referrer} if self._referrer else {})
        if method == "POST":
            headers |= {"Origin": self.issuer, "Referer": self.url, "Sec-Fetch-Site": "same-origin"}
        self.response = self.client.open(
            path=parts.path or "/",
            query_string=parts.query,
            base_url=self.issuer,
            method=method,
            data=MultiDict(data) if data is not None else None,
            headers=headers,
            environ_overrides={"REMOTE_ADDR": self._address},
        )
        self.url = url.partition("#")[0]

    def _arrive(self) -> Self:
        self.page = Page(self.html) if self.response and self.response.mimetype == "text/html" else Page("")
        leads_away = (form for form in self.page.forms if form.action and not self._is_ours(urljoin(self.url, form.action)))
        away = next(leads_away, None)
        if away is not None:  # response_mode=form_post: a page whose form submits itself
            self._leave(away.action, {name: values[0] for name, values in away.fields.items() if values})
        return self

    def _leave(self, url: str, data: dict[str, str]) -> Self:
        self.left_for, self.left_with = url, data
        return self

    def _what_is_here(self) -> str:
        if self.left_for:
            return f"the browser left for {self.left_for}"
        forms = [(sorted(form.visible), [one.text or one.name for one in form.buttons]) for form in self.page.forms]
        status = self.response.status_code if self.response else 0
        seen = re.sub(r"\s+", " ", self.text)[:600]
        return f"{status} {self.url} {self.heading!r} errors={self.errors} forms={forms}: {seen}"
