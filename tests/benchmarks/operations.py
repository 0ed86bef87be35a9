"""List the measured operations, each with its connections."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmarks.visitor import Visitor


@dataclass(frozen=True)
class Operation:
    """Hold an operation. ``needs``: the member of the metadata, or the grant type, that a provider must have for it."""

    name: str
    act: Callable[[Visitor], None]
    connections: int
    needs: str = ""
    shows_latency: bool = False

    def is_possible(self, visitor: Visitor) -> bool:
        """Return whether the provider's metadata has what the operation needs."""
        return not self.needs or self.needs in visitor.metadata or self.needs in visitor.metadata["grant_types_supported"]


OPERATIONS = (
    Operation("discovery", Visitor.discovery, 8),
    Operation("JWKS", Visitor.jwks, 8),
    Operation("silent SSO", Visitor.silent, 8, shows_latency=True),
    Operation("silent SSO", Visitor.silent, 32, shows_latency=True),
    Operation("refresh", Visitor.refresh, 8, shows_latency=True),
    Operation("refresh", Visitor.refresh, 32, shows_latency=True),
    Operation("userinfo", Visitor.userinfo, 8, shows_latency=True),
    Operation("userinfo", Visitor.userinfo, 32, shows_latency=True),
    Operation("client credentials", Visitor.client_credentials, 8, "client_credentials"),
    Operation("introspection", Visitor.introspect, 8, "introspection_endpoint"),
    Operation("full sign-in", Visitor.sign_in, 4),
)
MOST_CONNECTIONS = max(operation.connections for operation in OPERATIONS)
