"""Who someone is, how they prove it, and what is asked of them.

Not here: which step comes next (``signin``), clients and tokens (``oauth``), pages (``web``). No Flask, no HTTP. A client's
settings arrive as plain values. ``proofs`` and ``policy`` are pure.
"""
