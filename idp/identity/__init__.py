"""Who people are, how they prove it, and what is asked of them. Packages by subject, lowest first:

- the files at the top: permissions, sensitive changes, assurance levels, fields of users, e-mailed links, limits of mail;
- ``organisations``: organisations with their shops and groups, their settings and look;
- ``policy``: who must give a second factor, and dated rules;
- ``sessions``: sessions, and the list of them;
- ``lockout``: rate limits, and closing a way of signing in;
- ``users``: finding users, their status, profile, e-mail address, activity and export;
- ``credentials``: passwords, authenticator apps, passkeys, recovery codes, remembered devices, and resetting them;
- ``ownership``: handing an organisation over, and recovering it for its owner;
- ``accounts``: creating and changing users, inviting them, operators.

A package imports those above it in this list, never those below. Not here: which step of a sign-in comes next (``signin``),
clients and tokens (``oauth``), pages (``web``). No Flask, no HTTP. A client's settings arrive as plain values.
"""
