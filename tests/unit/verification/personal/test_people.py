"""Who and what is named: people and organisations by lists, shape and the words around them; addresses in small letters."""

from __future__ import annotations

import re

import polars as pl
import pytest

from sheaf.verification.personal import find_in
from sheaf.verification.personal.kind import by_letter
from sheaf.verification.personal.people.lexicon import FAMILY, FILE, GIVEN, PLACE, WORD, lexicon
from sheaf.verification.personal.people.words import kind_of

PERSONS = [
    ("I saw Priyanka Deshmukh at the station.", "Priyanka Deshmukh"),
    ("The suspect, Dmitri Volkov, fled.", "Dmitri Volkov"),
    ("Kind regards,\nHenrik Aasgaard", "Henrik Aasgaard"),
    ("Best,\nOluwaseun", "Oluwaseun"),
    ("cc: Zorbu Quimla", "Zorbu Quimla"),
    ("Was Ingeborg at home?", "Ingeborg"),
    ("my sister Zuleikha moved", "Zuleikha"),
    ("Producer Zorbu Quimla explained it", "Zorbu Quimla"),
    ("her ex-husband Quimla", "Quimla"),
    ("Ms. van der Berg left", "van der Berg"),
    ("Zorbu is from Quillon", "Zorbu"),
    ("Quimla shouted at him", "Quimla"),
    ("the Quimla novel is long", "Quimla"),
    ("Zorbu: What a day.", "Zorbu"),
    ("Remember me, Quimla?", "Quimla"),
    ("Unlike Quimla, we stayed", "Quimla"),
    ("we read Zorbu Quimla's tales", "Zorbu Quimla"),
    ("Billing address: Zorbu Quimla\n12 Elm Street", "Zorbu Quimla"),
    ("she told me that JOHN SMITH signed", "JOHN SMITH"),
    ("Lars-Göran Petterson owns it", "Lars-Göran Petterson"),
    ("yours, zofia nowak", "zofia nowak"),
    ("mr. quimla flew to rome", "quimla"),
    ("Contact Aoife O'Sullivan for tickets", "Aoife O'Sullivan"),
    ("My name is Wisdom", "Wisdom"),
    ("first line\nName: Wisdom", "Wisdom"),
]
JOINED = [
    ("Ingeborg, Quimla and Zorbu went home.", ["Ingeborg", "Quimla", "Zorbu"]),
    ("our 3 founders: Morgu, Quimla and Zorbu.", ["Morgu", "Quimla", "Zorbu"]),
    ("said Ingeborg to Quimla", ["Ingeborg", "Quimla"]),
    ("Ingeborg Quimla sang. Then Quimla left for good.", ["Ingeborg Quimla", "Quimla"]),
    ("Johnson and Quimla were right", ["Johnson", "Quimla"]),
]
ORGANISATIONS = [
    ("She works at Brightwater Analytics in Leeds", "Brightwater Analytics"),
    ("the CEO of Zyvanta resigned", "Zyvanta"),
    ("He studied at the University of Ghent", "University of Ghent"),
    ("my Zyntar account is locked", "Zyntar"),
    ("Okafor, Fleming and Marsh filed a suit", "Okafor, Fleming and Marsh"),
    ("The Jones, Smith and Davis Orchestra was founded", "Jones, Smith and Davis"),
    ("Peterson and Sons fixed it", "Peterson and Sons"),
    ("Lumenta is a startup in Berlin", "Lumenta"),
    ("Meet at DataForge at noon", "DataForge"),
    ("I work for Weber-Santana", "Weber-Santana"),
    ("Zorbu from Quillon is the speaker", "Quillon"),
    ("Quillon engineer Ingeborg Dahl", "Quillon"),
    ("We compared Quillon, Zyntar and Harlow Bank.", "Zyntar"),
    ("I pay 48 Factoring Inc every month", "48 Factoring Inc"),
    ("i work for quillon widgets inc.", "quillon widgets inc."),
    ("Ingeborg Dahl\nQuillon\n12 Elm Street", "Quillon"),
    ("Microsoft hired her", "Microsoft"),
    ("shares of Goldman Sachs fell", "Goldman Sachs"),
]
NOBODY = [
    "Capitalized words like Wisdom and Discipline are often mistaken for names.",
    "We watched a Crime Story last Friday.",
    "The Pacific Ocean covers a third of the Earth.",
    "She speaks French, German and Mandarin in South Africa.",
    "Jeder Mensch hat das Recht auf Bildung.",
    "Die Kinder spielen im Garten und die Sonne scheint.",
    "Les enfants jouent dans le jardin avec leurs amis.",
    "Electrical Engineering and Computer Science are taught here.",
    "Our Terms of Use have changed.",
    "class UserManager(BaseModel): pass",
    "ERROR: Connection Refused by Remote Host",
    "Neighbors should respect each other.",
    "Art lessons and Music lessons start on Monday.",
    "the restaurant on the corner is open all day and the food is good",
    "South Africa and New Zealand drew.",
    "Thanks, Guys! See you tomorrow.",
    "We toured Las Vegas and Los Angeles.",
]


def found(text: str, kind: str) -> list[str]:
    return [text[start:end] for _, _, start, end, _ in find_in(pl.Series([text]), [kind]).iter_rows()]


@pytest.mark.parametrize(("text", "name"), PERSONS)
def test_a_person_is_found(text: str, name: str) -> None:
    """A person's name is found whole, on a list or on none."""
    assert name in found(text, "person")


@pytest.mark.parametrize(("text", "names"), JOINED)
def test_names_vouch_for_one_another(text: str, names: list[str]) -> None:
    """What is joined to a name, or is a part of one that came before, is a name."""
    assert found(text, "person") == names


@pytest.mark.parametrize(("text", "name"), ORGANISATIONS)
def test_an_organisation_is_found(text: str, name: str) -> None:
    """An organisation is found by its words or by those around it."""
    assert name in found(text, "organisation")


@pytest.mark.parametrize("text", NOBODY)
def test_nobody_is_named(text: str) -> None:
    """Large letters alone name nobody and nothing."""
    assert found(text, "person") == found(text, "organisation") == []


@pytest.mark.parametrize(
    ("text", "kind", "what"),
    [
        ("eva lives at 255 hersnapvej 18, københavn k", "address", "255 hersnapvej 18"),
        ("meet me at the corner of Csabai kapu 39. and Mathias Pass", "address", "the corner of Csabai kapu 39. and Mathias Pass"),
        ("Quillon Inc.\n33787 Edington Drive\nToronto\n, ON\n Canada 27539", "address", "33787 Edington Drive"),
        ("send it to USNS Bergman\nFPO AP 93757", "address", "USNS Bergman\nFPO AP 93757"),
        ("the bakery in Willow Lane is shut", "address", "Willow Lane"),
        ("12 Elm Street\nApt. 4\nPines Beach\nNew Zealand 34694", "postcode", "34694"),
        ("12 Elm Street\nTown\n  7188", "postcode", "7188"),
    ],
)  # fmt: skip
def test_a_place_is_found(text: str, kind: str, what: str) -> None:
    """Addresses are found in small letters, below a name's line, without a number; postcodes on lines of their own."""
    whole = [
        text[start:end]
        for _, _, start, end, _ in find_in(pl.Series([text]), ["address", "postcode"]).iter_rows()
    ]
    assert any(one.strip().startswith(what) or one.strip().endswith(what) for one in whole), (kind, whole)


@pytest.mark.parametrize("text", ["Quillon 7188", "a\n7188", "on Wall Street", "no. 12 of 34\n5600\n5700"])
def test_a_number_on_a_line_is_no_postcode(text: str) -> None:
    """Numbers on lines of their own are postcodes only below an address; streets that stand for something else are none."""
    assert found(text, "postcode") == found(text, "address") == []


def test_the_lexicon_knows_what_a_word_can_be() -> None:
    """Names, words and places are told apart, rare ones too; the file stays small."""
    known = lexicon()
    assert FILE.stat().st_size < 300_000
    assert known["jerković"] & FAMILY and not known["jerković"] & WORD
    assert known["agnieszka"] & GIVEN
    assert known["neighbors"] & WORD and known["neighbours"] & WORD
    assert known["new zealand"] == PLACE
    assert kind_of("weber-santana") & FAMILY
    assert kind_of("zorbuquimla") == 0


def test_a_column_of_names_says_what_its_texts_say_alone() -> None:
    """Names vouch for one another within a text and never beyond it, whichever texts stand beside it."""
    texts = [text for text, _ in PERSONS + ORGANISATIONS] + [text for text, _ in JOINED] + NOBODY
    alone = [find_in(pl.Series([text])).drop("record").rows() for text in texts]
    column = find_in(pl.Series(texts))
    for record, rows in enumerate(alone):
        assert column.filter(pl.col("record") == record).drop("record").rows() == rows, texts[record]


@pytest.mark.parametrize(
    "word", ["forgot", "is from", "was from", "apologised", "had given", "travelled", "feels"]
)
def test_grouping_by_letters_keeps_alternatives(word: str) -> None:
    """Alternatives grouped by their first letters match what they matched before, groups within them whole."""
    alternatives = "forgot|feels|(?:is|was) from|apologi[sz]ed|had (?:given|told)|travell?ed"
    for pattern in (alternatives, by_letter(alternatives)):
        assert re.fullmatch(pattern, word)
        assert not re.fullmatch(pattern, word + "x")
