"""Sums that nobody can take apart: the coordinator of a round learns the sum of the owners' updates, and no update.

The protocol follows Bonawitz et al., "Practical secure aggregation for privacy-preserving machine learning" (CCS 2017), with
the sparse graph of Bell et al., "Secure single-server aggregation with (poly)logarithmic overhead" (CCS 2020). Client and server
are state machines: bytes in, bytes out, no socket and no clock. docs/federated.md has the argument why it is safe.
"""

from sheaf.privacy.secure_aggregation.client import Client
from sheaf.privacy.secure_aggregation.server import Server
from sheaf.privacy.secure_aggregation.terms import Graph, Terms, choose_graph

__all__ = ["Client", "Graph", "Server", "Terms", "choose_graph"]
