"""Who must give a second factor and why (S1-S11): ``rules`` decides.

``dated_rules`` keeps the rules of the installation that start on a day, ``organisation_rules`` those that administrators
make for their own people. Both ask ``rule_checks``.

Not here: the people that a rule would affect (``policy_dry_run``, ``policy_reach``), which proof counts for which level
(``assurance``).
"""
