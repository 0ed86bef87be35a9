"""Tables and functions whose statements may read or sort more than they return, each with its reason."""

SMALL = {
    "clients": "an operator registers each, or lets apps do it at a bounded rate",
    "client_registrations": "at most one for each client; those that nobody uses are deleted",
    "app_icons": "at most one for each client",
    "client_secrets": "at most two or three for each client",
    "clients_version": "one row",
    "dated_rules": "an operator writes each",
    "epoch": "one row",
    "registration_tokens": "an operator makes each",
    "restore_notices": "the worker takes any that are there, up to a limit",
    "signing_keys": "a few for each algorithm",
}
"""Tables that do not grow with people, sessions or organisations, and why."""
READS_ALL = {
    "audit.chain_ids": "a command of the audit log that checks every chain",
    **dict.fromkeys(("organisations._first_two", "organisations.only_organisation"), "stops at the third row at the latest"),
    "organisations.organisations": "commands and provisioning need all of them",
    "disabled_organisations.disabled": "an index of those that are disabled",
    "rate_limits.count_unmarked": "`idp doctor` counts them",
}
"""Functions that may read a whole table, or that stop early although the plan does not show it."""
ORDERED_IN_MEMORY = {
    **dict.fromkeys(("organisations.groups", "organisations.shops", "users.groups_of"), "what one organisation has"),
    "owner_recoveries.open_recovery": "an organisation has one open recovery",
    "recovery_codes.codes_left": "counts for each user of an organisation",
    **dict.fromkeys(("memberships.group_names", "memberships.shop_codes"), "an export of one organisation"),
    "jobs.due_job": "the jobs of a week of those organisations that wait, to find who has waited longest",
}
"""Functions that sort or export what administrators have made."""
READS_ORGANISATION = {
    **dict.fromkeys(("organisation_rules.rules_of", "organisation_rules.naming"), "an organisation has at most 50"),
    "user_reach.count": "a preview counts everybody that a rule fits",
    "user_reach.count_enabled": "a preview says of how many people",
    "memberships.shop_ids": "a dry run of the command line, which is about everybody",
    "audit.rows_found": "a page from one end of the chain",
    **dict.fromkeys(("epoch.closed_users", "user_search.count_users"), "a command counts them"),
    "operators.operators": "operators are few",
    **dict.fromkeys(("removals._delete", "removals.sweep_removed"), "deletes all rows of the organisation, in batches"),
    "memberships.groups_of_users": "the dry run of a file, which reads them once",
    **dict.fromkeys(("organisations.groups_named", "organisations.shops_coded"), "an administrator has made each"),
    **dict.fromkeys(("organisation_lists.find_groups", "organisation_lists.find_shops"), "counting stops at a limit"),
    "user_search.find": "counting stops at a limit; its pages are those of user_search.search",
    **dict.fromkeys(
        ("organisation_lists.groups_like", "organisation_lists.shops_like"),
        "where thousands match, it reads in the order of an index until a page is full",
    ),
    **dict.fromkeys(("passkeys.kinds", "totp.totp_owners"), "a dry run and an export, which are about everybody"),
    **dict.fromkeys(("jobs.jobs_of", "user_search.each"), "reads batches in the order of the index"),
    "jobs.keep_newest_drafts": "the imports of a week, of which an administrator made each",
    "jobs.keep_newest": "the exports of a week, of which an administrator made each",
    "audit.count_found": "stops at a limit",
    **dict.fromkeys(("user_states._counts", "user_states.counts"), "stops at a limit"),
}
"""Functions that may read all rows of one organisation."""
