"""List secrets that a page must not repeat."""

import re

SECRETS = re.compile(
    r'(name="(?:csrf_token|request)" value="|/sign-in/|challenge&#34;:&#34;|attempt=|data-seconds=")[\w.\-=%]+'
)


WRONG = "wrong, but long enough"
