"""HTTP in, HTTP out: views under fifteen lines, cookies, forms, CSRF, pages.

Not here: rules, SQL, what a token says. A view reads the request, calls one thing below, and answers.
"""
