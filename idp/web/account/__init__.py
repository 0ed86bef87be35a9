"""What people see of themselves: the front page, details, sign-in details, open sessions, connected apps, activity.

Every page asks for a signed-in person with a ``Needs``, as any relying app does. ``home`` is the front page and sign-out,
``profile`` has name and language, ``security`` shows the sign-in details, ``credentials`` changes them,
``email`` the e-mail address. Every file here with a function ``mount`` adds its routes. Not here: the changes themselves
(``identity``), and setting up a factor, which is a task of the sign-in (``signin``).
"""

from importlib import import_module
from pkgutil import iter_modules

from flask import Blueprint

blueprint = Blueprint("account", __name__)
for found in iter_modules(__path__, f"{__name__}."):
    part = import_module(found.name)
    if hasattr(part, "mount"):
        part.mount(blueprint)
