"""The command line ``idp``: one file a noun, each command a skin over the same calls that the pages use.

Not here: rules. What a role may be, when a password is too short or a factor may go, stands in ``identity``, ``oauth`` and
``keys``; a command finds its user, calls, and says what happened. Exit codes: 0 done, 1 refused or failed, 2 wrongly
called.
"""

from idp.cli.command import Nouns

main = Nouns(
    "idp",
    {
        "init": "idp.cli.init:init",
        "run": "idp.cli.run:run",
        "demo": "idp.cli.demo:demo",
        "migrate": "idp.cli.migrate:migrate",
        "apply": "idp.cli.apply:apply",
        "keys": "idp.cli.key:keys",
        "user": "idp.cli.user:user",
        "operator": "idp.cli.operator:operator",
        "organisation": "idp.cli.organisation:organisation",
        "recover-owner": "idp.cli.recover_owner:recover_owner",
        "client": "idp.cli.client:client",
        "policy": "idp.cli.policy:policy",
        "audit": "idp.cli.audit:audit",
        "leaked": "idp.cli.leaked:leaked",
        "worker": "idp.cli.worker:worker",
        "doctor": "idp.cli.doctor:doctor",
    },
    help="""Sleutel: one sign-in for the till, the back office and the webshop.

A first installation:
  idp init sleutel.toml --issuer https://id.example.com
  export IDP_CONFIG=sleutel.toml
  idp apply shops.toml
  idp run

Every command takes --config FILE, or IDP_CONFIG names it. `idp demo` shows everything on this machine.""",
)
