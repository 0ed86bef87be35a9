"""Who must give a second factor and why (S1-S11): ``rules`` decides, ``dated_rules`` keeps rules that start on a day.

Not here: the people that a rule would affect (``policy_dry_run``), which proof counts for which level (``assurance``).
"""
