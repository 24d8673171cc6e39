"""Near records of one table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.domain.errors import InputError, RecordError
from sheaf.verification import near
from sheaf.verification.near import Pairs, choose, clusters, find_near_duplicates, standing
from sheaf.verification.near.pairs import CROWD, FEW
from sheaf.verification.near.rows import Rows
from sheaf.verification.near.text import Texts


def listed(pairs: Pairs) -> list[tuple[int, int, float]]:
    return list(
        zip(pairs.earlier.tolist(), pairs.later.tolist(), pairs.similarity.round(6).tolist(), strict=True)
    )


def test_pairs_are_those_whose_sets_are_near() -> None:
    """Against every pair compared by Python's sets: above the threshold all are found here, below none, similarities exact."""
    random = np.random.default_rng(2)
    base = [random.integers(0, 5000, 60).tolist() for _ in range(12)]
    lists = []
    for words in base:
        for changed in (0, 2, 6, 15):
            copy = list(words)
            for place in random.choice(60, changed, replace=False):
                copy[place] = int(random.integers(0, 5000))
            lists.append(copy)
    table = pa.table({"t": [" ".join(map(str, words)) for words in lists]})
    found = listed(find_near_duplicates(table, Texts(("t",), 0.55, "words", 1)).pairs)
    expected = []
    for later, one in enumerate(lists):
        for earlier, other in enumerate(lists[:later]):
            similarity = len({*one} & {*other}) / len({*one} | {*other})
            if similarity >= 0.55:
                expected.append((earlier, later, round(similarity, 6)))
    assert found == expected and len(found) > 30


def test_copies_are_paired_with_the_first_alone() -> None:
    """A thousand copies give 999 pairs, not half a million, and one cluster."""
    pairs = find_near_duplicates(pa.table({"t": ["one two three four"] * 1000}), "text").pairs
    assert listed(pairs) == [(0, i, 1.0) for i in range(1, 1000)]
    assert clusters(pairs) == [list(range(1000))]


def test_a_crowd_costs_no_square() -> None:
    """Of two thousand records that are all near, each is compared with a bounded number, and each is still found."""
    table = pa.table({"x": np.linspace(0, 1e-6, 2000)})
    pairs = find_near_duplicates(table, Rows(("x",), (), (1.0,))).pairs
    assert len(pairs) <= 2000 * 2 * (2 * CROWD)
    assert set(pairs.later.tolist()) == set(range(1, 2000))
    assert clusters(pairs) == [list(range(2000))]


def test_of_a_crowd_of_texts_the_first_and_the_nearest_are_compared() -> None:
    """Of a hundred near texts each is paired with at most sixteen, and among them are the first and its own near copy."""
    random = np.random.default_rng(4)
    base = random.integers(0, 9000, 80)
    lists = []
    for _ in range(50):
        one = base.copy()
        one[random.choice(80, 4, replace=False)] = random.integers(9000, 90_000, 4)
        other = one.copy()
        other[int(random.integers(0, 80))] = 1
        lists += [one, other]
    table = pa.table({"t": [" ".join(map(str, words)) for words in lists]})
    pairs = find_near_duplicates(table, Texts(("t",), 0.5, "words", 1)).pairs
    assert np.bincount(pairs.later).max() <= 2 * FEW
    found = set(zip(pairs.earlier.tolist(), pairs.later.tolist(), strict=True))
    assert {(0, i) for i in range(1, 100)} | {(i, i + 1) for i in range(0, 100, 2)} <= found


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from([0.6, 0.8])), max_size=20))
def test_who_stands_is_near_to_nobody_who_stands(drawn: list[tuple[int, int, float]]) -> None:
    """Records that stand are far from each other; each that falls is near an earlier one that stands, the nearest of them."""
    known = {(min(a, b), max(a, b)): s for a, b, s in drawn if a != b}
    ordered = sorted(known, key=lambda pair: (pair[1], pair[0]))
    pairs = Pairs(
        np.array([a for a, _ in ordered], np.int64),
        np.array([b for _, b in ordered], np.int64),
        np.array([known[pair] for pair in ordered]),
    )
    stands, cause = standing(pairs, 10)
    assert set(cause) == set(np.flatnonzero(~stands).tolist())
    for a, b in known:
        assert not (stands[a] and stands[b])
    for record, place in cause.items():
        best = max(s for (a, b), s in known.items() if b == record and stands[a])
        assert pairs.later[place] == record and stands[pairs.earlier[place]]
        assert pairs.similarity[place] == best


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=16))
def test_clusters_are_connected_components(edges: list[tuple[int, int]]) -> None:
    """Clusters are what pairs connect, by plain search."""
    real = sorted({(min(e), max(e)) for e in edges if e[0] != e[1]})
    pairs = Pairs(
        np.array([a for a, _ in real], np.int64),
        np.array([b for _, b in real], np.int64),
        np.ones(len(real)),
    )
    groups = {node: {node} for edge in real for node in edge}
    for _ in range(13):
        for a, b in real:
            groups[a] = groups[b] = groups[a] | groups[b]
    expected = sorted({tuple(sorted(group)) for group in groups.values()})
    assert [tuple(cluster) for cluster in clusters(pairs)] == expected


def test_the_kind_follows_from_the_fields() -> None:
    """Texts are compared as texts, bytes as images, lists of numbers as series, anything mixed as rows."""
    table = pa.table(
        {
            "t": ["a"],
            "n": [1.0],
            "b": [b"x"],
            "s": [[1.0, 2.0]],
            "f": [True],
            "d": pa.array([None], pa.null()),
        }
    )
    names = {("t",): "text", ("b",): "image", ("s",): "series", ("n",): "table", ("t", "n"): "table"}
    for fields, name in names.items():
        assert choose(table, fields=fields).namespace.startswith(name)
    rows = choose(table)
    assert isinstance(rows, Rows) and rows.numbers == ("n",) and rows.others == ("t", "b", "f", "d")


@pytest.mark.parametrize(
    ("kind", "fields", "threshold", "settings", "message"),
    [
        ("sound", (), None, {}, "^kind: sound: use one of"),
        ("text", ("n",), None, {}, "^field: n: name a field of text"),
        ("text", ("x",), None, {}, "^field: x: name a field of the records"),
        ("image", (), None, {}, "^field: .*images"),
        ("text", ("t",), 0.1, {}, "^threshold: 0.1: give a number from 0.4"),
        ("text", ("t",), 1.5, {}, "^threshold"),
        ("text", ("t",), float("nan"), {}, "^threshold"),
        ("table", ("n",), 0.0, {}, "^threshold"),
        ("text", ("t",), None, {"unit": "letters"}, "^unit: letters"),
        ("text", ("t",), None, {"length": 0.5}, "^length"),
        ("text", ("t",), None, {"length": 65}, "^length"),
        ("table", ("n",), None, {"scales": {"t": 1.0}}, "^scales: t"),
        ("table", ("n",), None, {"scales": {"n": -1.0}}, "^scales: n=-1.0"),
        ("table", ("s",), None, {}, "^field: list"),
        ("series", ("s",), None, {"window": 17}, "^window: 17"),
        ("series", ("s", "s2"), None, {}, "^field: s, s2: name one field"),
        ("image", ("b",), 0.5, {}, "^threshold: 0.5: give a number from 0.75"),
    ],
)
def test_what_does_not_fit_is_refused(
    kind: str, fields: tuple[str, ...], threshold: float | None, settings: dict[str, object], message: str
) -> None:
    """Every wrong kind, field, threshold and setting is one line that names it."""
    table = pa.table({"t": ["a"], "n": [1.0], "s": [[1.0]], "s2": [[2.0]]})
    table = table.append_column("b", pa.array([b"x"])) if "b" in fields else table
    with pytest.raises((InputError, RecordError), match=message):
        find_near_duplicates(table, choose(table, kind, fields, threshold, settings))


def test_nothing_gives_nothing() -> None:
    """A table without records has no pairs, of any kind."""
    table = pa.table(
        {
            "t": pa.array([], pa.string()),
            "n": pa.array([], pa.float64()),
            "b": pa.array([], pa.binary()),
            "s": pa.array([], pa.list_(pa.float64())),
        }
    )
    for field in table.column_names:
        found = find_near_duplicates(table, choose(table, fields=(field,)))
        assert not len(found.pairs) and found.compared == 0
    assert set(near.KINDS) == {"text", "table", "image", "series"}
