"""Hold a request that a client sends with its authentication: to the token endpoint and those beside it."""

from dataclasses import dataclass

from idp.actors import Client
from idp.audit import Origin
from idp.oauth.confirmation import NO_CERTIFICATE, ShownCertificate
from idp.oauth.dpop import ProofRequest
from idp.oauth.request_parameters import Parameters


@dataclass(frozen=True)
class TokenRequest:
    """What such a request says. ``authorization``: the value of its header.

    ``address``: the network address it came from, for limits and the audit. ``proof``: its DPoP header, if it has one.
    ``certificate``: that of its TLS connection.
    ``bound_to``: the key that it proved to hold, once that was checked (``confirmation``).
    """

    parameters: Parameters
    authorization: str = ""
    address: str = ""
    request_id: str = ""
    proof: ProofRequest | None = None
    certificate: ShownCertificate = NO_CERTIFICATE
    bound_to: str = ""

    def origin(self, client_id: str) -> Origin:
        """Return the origin of an audit row: the client acts here, no person does."""
        return Origin(Client(client_id), address=self.address, request_id=self.request_id, client_id=client_id)
