"""How tests move the product from outside: a browser, a relying app, an authenticator, and the servers it needs."""
