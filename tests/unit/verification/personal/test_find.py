"""What is found in text, what is not, and that a whole column says what its texts say alone."""

from __future__ import annotations

import sys

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheaf.domain.errors import InputError
from sheaf.verification.personal import IDENTIFIERS, KINDS, LEAST_SCORE, REFUSED, find, find_in, mask

FOUND = [
    ("email", "write to a.b-c+d@mail.example.org.", "a.b-c+d@mail.example.org"),
    ("email", "jo (at) example.org", "jo (at) example.org"),
    ("credentials", "git clone https://me:secret@host.org/x.git", "https://me:secret@host.org/x.git"),
    ("url", "see https://example.org/a?b=c.", "https://example.org/a?b=c"),
    ("ip", "from 203.0.113.9:", "203.0.113.9"),
    ("ip", "ping 2001:db8::ff00:42:8329 now", "2001:db8::ff00:42:8329"),
    ("mac", "card 00:1B:44:11:3A:B7", "00:1B:44:11:3A:B7"),
    ("username", "follow @some_one there", "@some_one"),
    ("username", "username: night_owl7", "night_owl7"),
    ("card", "pay 4111-1111-1111-1111 now", "4111-1111-1111-1111"),
    ("card", "my card 676222165679 is lost", "676222165679"),
    ("iban", "to GB82 WEST 1234 5698 7654 32 please", "GB82 WEST 1234 5698 7654 32"),
    (
        "crypto",
        "send to 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    ),
    ("crypto", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
    ("crypto", "at bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
    ("ssn", "his social security number is 078-05-1120", "078-05-1120"),
    ("ssn", "ssn 078051120", "078051120"),
    ("national_id", "CPF 529.982.247-25", "529.982.247-25"),
    ("national_id", "codice fiscale RSSMRA85T10A562S", "RSSMRA85T10A562S"),
    ("national_id", "hetu 131052-308T", "131052-308T"),
    ("national_id", "BSN: 111222333", "111222333"),
    ("phone", "ring +44 7700 900123 later", "+44 7700 900123"),
    ("phone", "(212) 555-0187", "(212) 555-0187"),
    ("phone", "call me on 9472 7916", "9472 7916"),
    ("phone", "030 1234 5678", "030 1234 5678"),
    ("phone", "212-555-0187 x12", "212-555-0187 x12"),
    ("birth_date", "born on 24 June 1991 in", "24 June 1991"),
    ("birth_date", "DOB: 1991-06-24", "1991-06-24"),
    ("birth_date", "geboren am 24.06.1991 in", "24.06.1991"),
    ("age", "a 38-year-old male", "38"),
    ("age", "I just turned 47", "47"),
    ("passport", "passport no. C01X00T47 and passport 533380006", "533380006"),
    ("driver_licence", "my driver's license is D1234567", "D1234567"),
    ("coordinates", "at 48.85837, 2.29448", "48.85837, 2.29448"),
    ("coordinates", "48°51'30\"N, 2°17'40\"E", "48°51'30\"N, 2°17'40\"E"),
    ("address", "she lives at 12 Elm Street", "12 Elm Street"),
    ("address", "wohnhaft Lindenstraße 7", "Lindenstraße 7"),
    ("address", "the corner of Elm Street and Oak Road", "the corner of Elm Street and Oak Road"),
    ("address", "to PSC 5217, Box 4854\nAPO AP 43617", "PSC 5217, Box 4854\nAPO AP 43617"),
    ("postcode", "zip code: 90210", "90210"),
    ("postcode", "near SW1A 1AA today", "SW1A 1AA"),
    ("person", "The Producer Margaret Fulton left", "Margaret Fulton"),
    ("person", "Zorblat lives by the sea", "Zorblat"),
    ("person", "then said Zorblat Quim", "Zorblat Quim"),
    ("person", "Zorblat Hendricksson came", "Zorblat Hendricksson"),
    ("person", "Zorblat Q. Quim came", "Zorblat Q. Quim"),
    ("person", "we saw Hendricksson today", "Hendricksson"),
    ("person", "Murphy won", "Murphy"),
    ("crypto", "0x52908400098527886E0F7030069857D2E4169EE7", "0x52908400098527886E0F7030069857D2E4169EE7"),
    ("phone", "447700900 (mobile)", "447700900"),
    ("phone", "0049 30 123456", "0049 30 123456"),
    ("phone", "Tel: 12-34-56-78", "12-34-56-78"),
    ("person", "Dr. Zorblat will see you", "Zorblat"),
    ("person", "My name is Zorblat Quim", "Zorblat Quim"),
    ("person", "my name is zorblat", "zorblat"),
    ("person", "we met Margaret Fulton there", "Margaret Fulton"),
    ("organisation", "he joined Zorblat Widgets Ltd. in May", "Zorblat Widgets Ltd."),
]
CLEAN = [
    "",
    "The build 4.12.7.1 release took 12 minutes on version 10.0.19.1",
    "Sales rose from 12,500 to 1,250,000 units in 2019-2024.",
    "It happened on 2024-11-21 12:13:14 or 21.11.2024.",
    "Order 123456789012 has 4111111111111112 as reference",
    "IBAN GB82 WEST 1234 5698 7654 33 has a typing error",
    "ISBN 978-3-16-148410-0, 12 345 678 inhabitants",
    "section 1.2.3.4, 10:20:30, 50 %, $1,234.56, 1e-10",
    "The Quick Brown Fox jumps over the lazy dog in March 2020.",
    "He paid 300 Euros for 2 chairs, 15 lamps and 1200 nails.",
    "import numpy as np; x = a[1:10] @ b",
    "Chapter 12 Section 4 Table 7 Figure 3",
    "born on 31/31/1990, born 1990-02-31, aged 130",
    "at 95.12345, 200.12345",
    "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed and 0000 0000 0000 0000",
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "what"), FOUND)
def test_finds(kind: str, text: str, what: str) -> None:
    """Each kind is found, with the characters that it consists of."""
    found = find_in(pl.Series([text]))
    assert (kind, what) in [(k, text[a:b]) for _, k, a, b, _ in found.iter_rows()]


@pytest.mark.parametrize("text", CLEAN)
def test_leaves_alone(text: str) -> None:
    """What only looks like personal data is not taken for it."""
    assert find_in(pl.Series([text])).rows() == []


def test_every_kind_is_tested() -> None:
    """The examples above have every kind."""
    assert {kind for kind, _, _ in FOUND} == set(KINDS)


def test_a_column_says_what_its_texts_say_alone() -> None:
    """Neighbouring texts lend each other no words: any order and company gives each text the same hits."""
    texts = [text for _, text, _ in FOUND] + CLEAN
    alone = [find_in(pl.Series([text])).drop("record").rows() for text in texts]
    for order in (list(range(len(texts))), list(range(len(texts)))[::-1]):
        column = pl.Series([texts[i] for i in order] + [None])
        rows: list[list[tuple[object, ...]]] = [[] for _ in texts]
        for record, *rest in find_in(column).iter_rows():
            rows[order[record]].append(tuple(rest))
        assert rows == alone


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "piece",
    [
        "A.",
        "Aa-",
        "Aa 1 ",
        "1 ",
        "(1",
        "a@b.",
        "corner of Aa ",
        "1°1'",
        "http://",
        "Aa, ",
        "Aa and ",
        "Aa\n",
        "aa bb ",
        "inc ",
    ],
)
def test_hostile_texts_take_no_more_than_their_length(piece: str) -> None:
    """A text of 200,000 characters that invites backtracking is searched at once; a quadratic pattern would take minutes."""
    find_in(pl.Series([piece * (200_000 // len(piece)) + "!"]))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=60)), max_size=8))
def test_any_text_is_taken(texts: list[str | None]) -> None:
    """No text is an error, hits lie within their text, and none overlaps another of its layer."""
    found = find_in(pl.Series(texts, dtype=pl.String))
    for record, kind, start, end, score in found.iter_rows():
        assert kind in KINDS
        assert 0 <= start < end <= len(texts[record] or "")
        assert 0.0 < score <= 1.0


def test_kinds_are_chosen_without_taking_one_for_another() -> None:
    """Asking for telephones alone does not make a card a telephone number."""
    card = pl.Series(["call about card 4111 1111 1111 1111"])
    assert find_in(card, ["phone"]).rows() == []
    assert [row[1] for row in find_in(card, ["card", "phone"]).iter_rows()] == ["card"]


def test_long_columns_are_searched_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut into pieces, by texts or by bytes, hits still point at their text."""
    texts = ["nothing"] * 70 + ["a@b.org"]
    whole = find_in(pl.Series(texts), ["email"]).rows()
    monkeypatch.setattr(sys.modules["sheaf.verification.personal.scan"], "PIECE_TEXTS", 16)
    assert find_in(pl.Series(texts), ["email"]).rows() == whole == [(70, "email", 0, 7, 1.0)]
    monkeypatch.setattr(sys.modules["sheaf.verification.personal.scan"], "PIECE_BYTES", 1)
    assert find_in(pl.Series(texts), ["email"]).rows() == whole


def test_tables_are_searched_by_field() -> None:
    """Text columns are searched, others not; hits name their field, by record."""
    table = pa.table(
        {"n": [1, 2], "a": ["x", "a@b.org"], "b": pa.array(["b@c.org", None], pa.large_string())}
    )
    assert find(table).select("record", "field").rows() == [(0, "b"), (1, "a")]
    assert find(table, fields=["a"]).select("record", "field").rows() == [(1, "a")]
    assert find(table.select(["n"])).rows() == []


@pytest.mark.parametrize(
    ("kinds", "fields", "refusal"),
    [(["mail"], None, "kind: mail"), (KINDS, ["n"], "field: n"), (KINDS, ["z"], "field: z")],
)
def test_refuses(kinds: list[str], fields: list[str] | None, refusal: str) -> None:
    """Kinds and fields that are not there are named in one line."""
    with pytest.raises(InputError, match=refusal):
        find(pa.table({"n": [1], "a": ["x"]}), kinds, fields)


def test_kinds_have_an_order() -> None:
    """What is refused by default is told by form; everything has a name once."""
    assert set(REFUSED) < set(IDENTIFIERS) < set(KINDS)
    assert len(KINDS) == len(set(KINDS))
    assert 0 < LEAST_SCORE < 1


@pytest.mark.parametrize("text", ["a@b.org", "4111 1111 1111 1111", "Li", "x" * 1000, "ab" * 8])
def test_masking_hides_at_least_three_quarters(text: str) -> None:
    """Of what was found at most a quarter of letters and digits is shown, and its length stays."""
    shown = mask(text)
    assert len(shown) == len(text)
    assert 4 * sum(mark.isalnum() for mark in shown) <= sum(mark.isalnum() for mark in text)
