"""The roles of users within their organisation."""

ROLES = ("owner", "administrator", "manager", "employee", "customer")


RULING_ROLES = ("owner", "administrator")
