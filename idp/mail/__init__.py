"""Mail: which mail is written to which reader (``messages``), how it reads (``letters``), and how it leaves (``deliver``).

A mail is a row in the outbox, written in the transaction of what it tells about; nothing here sends within a request. Not
here: who may cause a mail, how often (``identity``), and the thread or command that drains the outbox (``cli``).
"""
