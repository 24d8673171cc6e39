"""What a word can be: a given name, a family name, a word of English, a place.
 Some 90 thousand words, written by `python -m tools.lexicon` from free lists, which it names. They are kept
here and not asked of a package at run time, since findings move money and must be the same for all who
look.
"""

from __future__ import annotations

import lzma
from functools import cache
from pathlib import Path

GIVEN, FAMILY, WORD, PLACE = 1, 2, 4, 8
"""What a word can be; a word that can be several things has their sum."""

FILE = Path(__file__).with_name("lexicon.xz")


@cache
def lexicon() -> dict[str, int]:
    """Return what each known word, in small letters, can be."""
    kinds: dict[str, int] = {}
    for group in lzma.decompress(FILE.read_bytes()).decode().split("\n\n"):
        kind, *words = group.split("\n")
        kinds.update(dict.fromkeys(words, int(kind)))
    return kinds
