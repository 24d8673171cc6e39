"""Persons and organisations: names, told by lists, by their shape and by the words around them."""

from sheaf.verification.personal.people import organisations, persons

DETECTORS = (*persons.DETECTORS, *organisations.DETECTORS)
