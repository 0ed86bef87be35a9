"""Write mails to their readers (``messages``), compose them (``letters``), and deliver them (``deliver``).

A mail is a row in the outbox, written in the transaction of the change that it reports. No request sends mail itself.
Not here: the right to cause a mail, and how often (``identity``); the process that drains the outbox (``worker``).
"""
