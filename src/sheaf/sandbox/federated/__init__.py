"""Federated training between machines: letters that are signed and numbered over TCP, and Flower's strategies behind our own grid."""
