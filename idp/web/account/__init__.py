"""What people see of themselves: the front page, details, sign-in details, open sessions, connected apps, activity.

Every page asks for a signed-in person with a ``Needs``, as any relying app does. ``home`` is the front page and sign-out,
``profile`` has name and language, ``security`` shows the sign-in details, ``credentials`` changes them,
``address`` the e-mail address.
"""

from flask import Blueprint

from idp.web.account import activity, apps, credentials, email, home, passkeys, profile, security, sessions

blueprint = Blueprint("account", __name__)
for part in (home, profile, security, passkeys, email, credentials, sessions, apps, activity):
    part.mount(blueprint)
