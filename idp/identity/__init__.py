"""Users, their credentials, and what policy requires of them. Packages by subject, lowest first:

- the files at the top: roles, fields of users, the owner, permissions, the last day of access, sensitive changes, assurance
  levels, consents, e-mailed links, limits of mails, codes that people type;
- ``organisations``: organisations with their shops and groups, their settings, look and status;
- ``policy``: when a second factor is required, and dated rules of the installation and of organisations;
- ``sessions``: sessions, and the list of them;
- ``lockout``: rate limits and lockouts;
- ``users``: finding users, their status, profile, e-mail address, activity and export;
- ``credentials``: passwords, authenticator apps, passkeys, recovery codes, bypass codes, remembered devices, and
  resetting them;
- ``ownership``: handing an organisation over, and recovering it for its owner;
- ``accounts``: creating and changing users, one or several at once, inviting them, new organisations, operators;
- ``jobs``: the loop that carries out jobs of every kind;
- ``people_import``: people from a file;
- ``exports``: files that the worker writes;
- above all packages: ``policy_dry_run``, ``policy_reach``, ``mail_outbox``, ``odd_names``.

A package imports those above it in this list, never those below. Not here: which step of a sign-in comes next (``signin``),
clients and tokens (``oauth``), pages (``web``). No Flask, no HTTP. A client's settings arrive as plain values.
"""
