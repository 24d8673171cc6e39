"""Texts as sets of shingles."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.domain.errors import RecordError
from sheaf.verification.near import sets
from sheaf.verification.near.text import Texts, Unit, shingles


def plainly(text: str, unit: Unit, width: int) -> set[tuple[str, ...]]:
    """The shingles of a text, one by one."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    marks = [mark if unicodedata.category(mark)[0] in "LNM" else " " for mark in folded]
    joined = re.sub(" +", " ", "".join(marks)).strip()
    parts = joined.split() if unit == "words" else list(joined)
    if len(parts) < width:
        return {tuple(parts)} if parts else set()
    return {tuple(parts[i : i + width]) for i in range(len(parts) - width + 1)}


LETTERS = st.text("abC é\n,.1Ωﬁß\0é", max_size=24)


@given(
    st.lists(LETTERS, min_size=1, max_size=7),
    st.sampled_from(["words", "characters"]),
    st.integers(1, 5),
)
def test_shingles_are_those_of_single_texts(texts: list[str], unit: Unit, width: int) -> None:
    """Cut in bulk, texts share exactly the shingles that they share cut one by one."""
    found = shingles(texts, unit, width)
    members = [plainly(text, unit, width) for text in texts]
    left, right = np.triu_indices(len(texts))
    common, together = sets.jaccard(found, left, right)
    assert common.tolist() == [
        len(members[i] & members[j]) for i, j in zip(left.tolist(), right.tolist(), strict=True)
    ]
    assert together.tolist() == [
        len(members[i] | members[j]) for i, j in zip(left.tolist(), right.tolist(), strict=True)
    ]


@pytest.mark.parametrize("unit", ["words", "characters"])
def test_form_does_not_count(unit: Unit) -> None:
    """Case, punctuation, white space, ligatures, width of letters and marks that nobody sees make no other text."""
    forms = (
        "The ﬁne,  Café\tＡＢＣ!",
        "the fine cafe\u0301 abc",
        "THE FINE — CAFÉ abc",
        "t\u200bhe f\u00adi\ufe0fne caf\u2060é a\u034fbc\U000e0041",
    )
    found = shingles(forms, unit, 3)
    common, together = sets.jaccard(found, np.zeros(3, np.int64), np.arange(1, 4))
    assert common.tolist() == together.tolist()


def test_signs_without_spaces_are_words() -> None:
    """Ideographs and Thai letters are tokens by themselves, so one changed sign changes few shingles."""
    found = shingles(["我们今天去公园玩吧", "我们今天去公园看吧", "สวัสดีครับ"], "words", 3)
    assert found.sizes.tolist()[:2] == [7, 7] and found.sizes[2] > 3
    common, _ = sets.jaccard(found, np.array([0]), np.array([1]))
    assert common.tolist() == [5]


def test_texts_without_letters_are_not_compared() -> None:
    """Null, empty, and bare punctuation have no shingles, and are near to nothing."""
    table = pa.table({"t": ["", None, "?!", " \n", "\0", "a"]})
    assert Texts(("t",)).sketch(table).present.tolist() == [False] * 5 + [True]


def test_batches_do_not_show() -> None:
    """Long lists and long texts are cut in parts, and the parts do not show."""
    random = np.random.default_rng(1)
    texts = ["".join(random.choice(list("abc d"), size)) for size in (10, 90_000, 5, 40_000, 0, 7, 30_000)]
    whole = shingles(texts, "words", 2)
    for place, text in enumerate(texts):
        alone = shingles([text], "words", 2)
        begin, end = whole.offsets[place : place + 2]
        assert np.array_equal(alone.hashes, whole.hashes[begin:end])


def test_several_fields_are_one_text() -> None:
    """Fields are joined in the order they are named; a null is left out."""
    table = pa.table({"a": ["red apples", None], "b": ["fall down", "red apples fall down"]})
    sketch = Texts(("a", "b")).sketch(table)
    assert np.array_equal(sketch.signature[0], sketch.signature[1])


def test_only_text_is_taken() -> None:
    """Other fields, and fields that are not there, are refused by name."""
    table = pa.table({"n": [1], "d": pa.array(["x"]).dictionary_encode()})
    assert Texts(("d",)).sketch(table).present.tolist() == [True]
    for field in ("n", "nowhere"):
        with pytest.raises(RecordError, match=rf"^field: {field}"):
            Texts((field,)).sketch(table)
