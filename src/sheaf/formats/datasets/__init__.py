"""Manifests of datasets: the document, and the files that it is made from."""
