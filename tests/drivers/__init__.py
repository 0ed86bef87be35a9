"""Drive the product from outside: a browser, a relying app, an authenticator, and the servers that it needs."""
