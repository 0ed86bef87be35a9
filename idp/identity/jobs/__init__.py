"""Carry out jobs, step by step: ``loop`` takes the oldest due job and asks its kind for the steps.

Not here: what a kind of job does (``people_import``, ``exports``), the rows (``store.jobs``), which kinds there are
(``idp.worker``).
"""
