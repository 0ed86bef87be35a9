"""Answer HTTP: views under fifteen lines, cookies, forms, CSRF, pages.

Not here: rules, SQL, the contents of tokens. A view reads the request, calls one function below, and answers.
"""
