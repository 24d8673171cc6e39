"""Hands on the chain: connections, contracts, transactions, events, keys, and two local networks. It judges nothing."""
