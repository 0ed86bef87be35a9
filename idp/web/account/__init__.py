"""What people see of themselves: the front page, sign-in details, remembered devices, language.

Every page asks for a signed-in person with a ``Needs``, as any relying app does. ``home`` is the front page and sign-out,
``security`` shows the sign-in details, ``changes`` changes them.
"""

from flask import Blueprint

from idp.web.account import changes, home, security

blueprint = Blueprint("account", __name__)
for part in (home, security, changes):
    part.mount(blueprint)
