"""How much personal data is found, how often clean sentences are flagged, and how fast.

A gold span is *found* where hits of its kind cover at least half of its characters. A sentence is *clean* where no span of a kind
that is sought stands in the gold; it counts as a *false positive* where anything is found in it that no gold span touches (a birthday
may stand in the gold as a date). Persons are counted twice: as they stand, and with names exchanged for invented ones, which no list
has. Identifiers are what form, check digits and the words beside them tell; people, places and organisations
are counted apart. Speed is sentences per second of processor time, spans and scores included, the best of three.

The peer is presidio's analyser where it can be imported, with its patterns and check digits and an empty language model (its models
are not on package registries), on identifiers.
"""

from __future__ import annotations

import importlib.util
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import polars as pl

from benchmarks._personal import BY_LANGUAGE, GOLD_KINDS, Sentence, renamed, sentences
from benchmarks.report import Figure, Options, main
from sheaf.verification.personal import IDENTIFIERS, KINDS, find_in

Hits = dict[int, list[tuple[str, int, int]]]
LEAST_TIMED = 100_000
PEER_SENTENCES = 1_500
PEER_KINDS = {
    "CREDIT_CARD": "card", "PHONE_NUMBER": "phone", "EMAIL_ADDRESS": "email", "IBAN_CODE": "iban", "US_SSN": "ssn", "IP_ADDRESS": "ip",
    "URL": "url", "US_DRIVER_LICENSE": "driver_licence", "US_PASSPORT": "passport", "CRYPTO": "crypto",
}  # fmt: skip


def hits_of(texts: Sequence[str], kinds: Iterable[str]) -> Hits:
    """Return what is found, by sentence."""
    found: Hits = defaultdict(list)
    for record, kind, start, end, _ in find_in(pl.Series(texts, dtype=pl.String), kinds).iter_rows():
        found[record].append((kind, start, end))
    return found


def recalls(given: Sequence[Sentence], found: Hits) -> dict[str, tuple[int, int]]:
    """Return for each entity how many spans were found, and how many there are."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for place, sentence in enumerate(given):
        for entity, start, end in sentence.spans:
            if (kinds := GOLD_KINDS.get(entity)) is not None:
                covered = sum(
                    max(0, min(end, b) - max(start, a))
                    for kind, a, b in found.get(place, ())
                    if kind in kinds
                )
                counts[entity][0] += 2 * covered >= end - start
                counts[entity][1] += 1
    return {entity: (right, all_) for entity, (right, all_) in counts.items()}


def share(counts: dict[str, tuple[int, int]], entities: Iterable[str]) -> float:
    """Return the recall over some entities together."""
    chosen = [counts[entity] for entity in entities]
    return sum(right for right, _ in chosen) / sum(all_ for _, all_ in chosen)


def false_positives(given: Sequence[Sentence], found: Hits) -> tuple[float, int]:
    """Return the share of clean sentences in which something is found, and how many clean ones there are."""
    clean = [
        place for place, one in enumerate(given) if not any(span.entity in GOLD_KINDS for span in one.spans)
    ]
    flagged = [
        place
        for place in clean
        if any(
            not any(span.start < b and a < span.end for span in given[place].spans)
            for _, a, b in found.get(place, ())
        )
    ]
    return (len(flagged) / len(clean) if clean else 0.0), len(clean)


def speed(texts: Sequence[str], kinds: Iterable[str]) -> float:
    """Return sentences per second of processor time; few sentences are repeated."""
    column = pl.Series(list(texts) * -(-LEAST_TIMED // len(texts)), dtype=pl.String)
    took = []
    for _ in range(3):
        start = time.process_time()
        find_in(column, kinds)
        took.append(time.process_time() - start)
    return len(column) / min(took)


def peer() -> Callable[[str], list[tuple[str, int, int]]] | None:
    """Return presidio's analyser with an empty language model, or None."""
    if not (importlib.util.find_spec("presidio_analyzer") and importlib.util.find_spec("spacy")):
        return None
    analyzer: Any = __import__("presidio_analyzer")
    engine: Any = __import__("presidio_analyzer.nlp_engine", fromlist=["SpacyNlpEngine"]).SpacyNlpEngine()
    engine.nlp = {"en": __import__("spacy").blank("en")}
    engine_of = analyzer.AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
    entities = [name for name in PEER_KINDS if name in engine_of.get_supported_entities("en")]

    def analyse(text: str) -> list[tuple[str, int, int]]:
        found = engine_of.analyze(text=text, language="en", entities=entities)
        return [(PEER_KINDS[one.entity_type], one.start, one.end) for one in found]

    return analyse


def peer_figures(given: Sequence[Sentence], entities: Sequence[str]) -> dict[str, float]:
    """Return recall, false positives and speed of the peer on identifiers; nothing where it is not there."""
    analyse = peer()
    if analyse is None:
        print("presidio cannot be imported: its figures are left out (pip install presidio-analyzer)")
        return {}
    some = given[:PEER_SENTENCES]
    analyse(some[0].text)
    start = time.process_time()
    found = {place: analyse(one.text) for place, one in enumerate(some)}
    took = time.process_time() - start
    counts = recalls(some, found)
    return {
        "recall": share(counts, [entity for entity in entities if entity in counts]),
        "false positives": false_positives(some, found)[0],
        "speed": len(some) / took,
    }


def measure(options: Options) -> list[Figure]:
    """Return recall by kind, false positives and speed, for identifiers and for all kinds."""
    given = sentences(options.data)
    texts = [one.text for one in given]
    found = {"identifiers": hits_of(texts, IDENTIFIERS), "all kinds": hits_of(texts, KINDS)}
    counts = recalls(given, found["all kinds"])
    forms = [entity for entity in counts if entity not in BY_LANGUAGE]
    beside = peer_figures(
        given, [entity for entity in forms if entity in PEER_KINDS or entity == "DOMAIN_NAME"]
    )
    figures = [
        Figure(
            "identifiers: recall", share(recalls(given, found["identifiers"]), forms), "share of spans",
            limit=0.95, against="aim", better="higher",
        ),
        Figure("all kinds: recall", share(counts, counts), "share of spans", limit=0.95, against="aim", better="higher"),
    ]  # fmt: skip
    if "PERSON" in counts:
        invented = renamed(given)
        named = recalls(invented, hits_of([one.text for one in invented], ["person"]))
        figures.append(
            Figure("persons whose names are invented: recall", share(named, ["PERSON"]), "share of spans")
        )
    figures += [Figure(f"presidio, identifiers: {name}", value, "as ours") for name, value in beside.items()]
    for name, least in (("identifiers", 250_000), ("all kinds", None)):
        flagged, clean = false_positives(given, found[name])
        if clean:
            figures.append(
                Figure(
                    f"{name}: false positives", flagged, f"share of {clean} clean", limit=0.01, against="aim"
                )
            )
        rate = speed(texts, IDENTIFIERS if name == "identifiers" else KINDS)
        figures.append(
            Figure(
                f"{name}: speed",
                rate,
                "sentences/s per core",
                limit=least,
                against="aim" if least else "",
                better="higher",
            )
        )
    for entity, (right, all_) in sorted(counts.items()):
        figures.append(Figure(f"recall of {entity}", right / all_, f"share of {all_} spans"))
    return figures


if __name__ == "__main__":
    main("personal_data", measure, data=None)
