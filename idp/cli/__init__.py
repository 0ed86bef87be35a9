"""The command line ``idp``: one file for each noun. A command calls what the pages call, and prints the result.

Not here: rules. ``identity``, ``oauth`` and ``keys`` decide which roles there are, when a password is too short and when a
factor may be removed. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
"""

import click

from idp.cli.command import Nouns, Place

_commands = Nouns(
    "idp",
    {
        "init": Place("idp.cli.init:init", "Write a configuration FILE with fresh secrets."),
        "run": Place(
            "idp.cli.run:run",
            "Run the server until it is stopped (Ctrl-C or SIGTERM lets requests under way finish).",
        ),
        "deploy": Place(
            "idp.cli.deploy:deploy",
            "Print a systemd unit, a Containerfile, or the settings of nginx or Caddy, filled in from the configuration.",
        ),
        "demo": Place(
            "idp.cli.demo:demo",
            "Set up a demo in a folder and run it: provider, till, back office, webshop, a terminal, a phone and a mailbox.",
        ),
        "migrate": Place("idp.cli.migrate:migrate", "Bring the database's tables up to date, if they are not."),
        "apply": Place(
            "idp.cli.apply:apply", "Bring organisations, shops, groups, users, policies and clients to the state in FILE."
        ),
        "keys": Place("idp.cli.key:keys", "List and rotate the keys that sign tokens."),
        "user": Place("idp.cli.user:user", "Look people up, and help those who are locked out."),
        "operator": Place("idp.cli.operator:operator", "Operators are the installation administrators."),
        "organisation": Place("idp.cli.organisation:organisation", "The organisations."),
        "recover-owner": Place(
            "idp.cli.recover_owner:recover_owner",
            "Begin the recovery of an organisation's owner who lost password, phone and recovery codes.",
        ),
        "client": Place("idp.cli.client:client", "List and manage the apps (OAuth clients)."),
        "registration-token": Place(
            "idp.cli.registration_token:registration_token",
            "Manage the tokens with which apps register themselves, where [clients] registration is `token` or `open`.",
        ),
        "policy": Place("idp.cli.policy:policy", "Explain which people must have a second factor, and why."),
        "audit": Place(
            "idp.cli.audit:audit",
            "The audit log: entries that are only ever added, each chained to the one before by its hash.",
        ),
        "leaked": Place("idp.cli.leaked:leaked", "Build the offline list of leaked passwords, and look one up."),
        "backup": Place(
            "idp.cli.backup:backup",
            "Copy the database into FILE while it serves, and the sealing keys into FILE.keys, sealed with a passphrase.",
        ),
        "restore": Place("idp.cli.restore:restore", "Replace the database by the backup FILE."),
        "reopen": Place("idp.cli.reopen:reopen", "Open accounts and apps that a restore closed; without a name, list them."),
        "worker": Place("idp.cli.worker:worker", "Send waiting mails and delete expired data, until stopped."),
        "doctor": Place(
            "idp.cli.doctor:doctor",
            "Check configuration, database, keys, mail, clock and the leaked list, and say what to do.",
        ),
    },
    help="""Sleutel: one sign-in for the till, the back office and the webshop.

A first installation:
  idp init sleutel.toml --issuer https://id.example.com
  export IDP_CONFIG=sleutel.toml
  idp apply shops.toml
  idp run

Every command takes --config FILE, or IDP_CONFIG names it. `idp demo` shows everything on this machine.""",
)
main = click.version_option(package_name="sleutel", prog_name="idp", message="%(prog)s %(version)s")(_commands)
