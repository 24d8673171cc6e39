"""Rows, images and series."""

from __future__ import annotations

import datetime
import io
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.domain.errors import RecordError
from sheaf.verification.near import find_near_duplicates
from sheaf.verification.near.images import Images, grey, perceptual
from sheaf.verification.near.rows import Rows, spreads
from sheaf.verification.near.series import Series, words
from sheaf.verification.near.sets import mixed


@given(
    st.integers(1, 15),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.01, 0.1, 0.5]),
)
def test_no_near_row_is_missed_across_borders(numbers: int, seed: int, tolerance: float) -> None:
    """Of up to 15 numbers that all differ by up to the tolerance, wherever cells end, every near row is found."""
    random = np.random.default_rng(seed)
    names = tuple(f"n{i}" for i in range(numbers))
    rows = random.uniform(-3, 3, (20, numbers))
    others = rows + tolerance * random.choice([-1, -0.999, -0.5, 0, 0.3, 0.999, 1], rows.shape) * (1 - 1e-9)
    table = pa.table(dict(zip(names, np.concatenate([rows, others]).T, strict=True)))
    pairs = find_near_duplicates(table, Rows(names, (), (1.0,) * numbers, 1 - tolerance)).pairs
    found = set(zip(pairs.earlier.tolist(), pairs.later.tolist(), strict=True))
    assert {(i, i + 20) for i in range(20)} <= found


@given(st.integers(0, 2**32 - 1))
def test_rows_found_are_near(seed: int) -> None:
    """Against all pairs compared one by one: with two numbers exactly the near ones are found, at their greatest difference."""
    random = np.random.default_rng(seed)
    values = random.integers(0, 12, (30, 2)) * 0.25
    names = ("x", "y")
    pairs = find_near_duplicates(
        pa.table(dict(zip(names, values.T, strict=True))), Rows(names, (), (1.0, 2.0), 0.75)
    ).pairs
    first = [next(i for i in range(30) if (values[i] == values[j]).all()) for j in range(30)]
    apart = np.abs((values[:, None] - values[None]) / [1.0, 2.0]).max(axis=2)
    expected = {
        (i, j): 1 - apart[i, j]
        for j in range(30)
        for i in range(j)
        if apart[i, j] <= 0.25 and first[i] == i and (first[j] == j or first[j] == i)
    }
    found = zip(pairs.earlier.tolist(), pairs.later.tolist(), pairs.similarity.tolist(), strict=True)
    assert {(i, j): s for i, j, s in found} == expected


def test_everything_else_must_be_equal() -> None:
    """Texts are equal but for form; null, NaN and the infinities are values of their own; dates and times are numbers."""
    day = datetime.date(2024, 1, 1)
    table = pa.table(
        {
            "t": ["Ann  Lee", "ann lee", "ann", "ann lee", "ann lee", "ann lee", "ann lee"],
            "n": [1.0, 1.0, 1.0, None, float("nan"), float("inf"), float("-inf")],
            "f": [True] * 7,
            "d": [day] * 7,
        }
    )
    kind = Rows(("n", "d"), ("t", "f"), (1.0, 1.0))
    pairs = find_near_duplicates(table, kind).pairs
    assert list(zip(pairs.earlier.tolist(), pairs.later.tolist(), strict=True)) == [(0, 1), (3, 4)]
    times = pa.table({"at": pa.array([0, 1_500_000, 9_000_000], pa.timestamp("us", "UTC"))})
    assert len(find_near_duplicates(times, Rows(("at",), (), (100.0,), 0.98)).pairs) == 1


def test_rows_without_numbers_and_with_huge_ones() -> None:
    """Texts alone are compared too; numbers at the ends of their range break nothing."""
    table = pa.table({"t": ["a", "A", "b"], "n": [1e308, -1e308, 1e308], "i": [2**62, -(2**62), 2**62]})
    assert len(find_near_duplicates(table, Rows((), ("t",), ())).pairs) == 1
    pairs = find_near_duplicates(table, Rows(("n", "i"), (), (1e-9, 1.0))).pairs
    assert list(zip(pairs.earlier.tolist(), pairs.later.tolist(), strict=True)) == [(0, 2)]
    assert len(find_near_duplicates(table, Rows(("i",), (), (1.0,), 1.0)).pairs) == 1


def test_scales_from_values() -> None:
    """Without a scale it is the range of the middle half, else of all, else 1; outliers do not move it."""
    table = pa.table({"a": [0.0, 1, 2, 3, 1e9], "b": [5.0, 5, 5, 5, 9], "c": [1.0] * 5, "d": [None] * 5})
    table = table.set_column(3, "d", pa.array([None] * 5, pa.float64()))
    assert spreads(table, ("a", "b", "c", "d")) == (2.0, 4.0, 1.0, 1.0)


def encoded(picture: Any, **settings: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, **settings)
    return file.getvalue()


def pictures(count: int, seed: int = 0) -> list[Any]:
    """Smooth coloured pictures."""
    from PIL import Image

    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (count, 9, 9, 3)).astype(np.uint8)
    return [Image.fromarray(one).resize((120, 90), Image.Resampling.BICUBIC) for one in small]


def test_images_are_found_after_compression_brightness_and_scaling() -> None:
    """Each altered picture is near its original and to nothing else."""
    from PIL import ImageEnhance

    originals = pictures(20)
    altered = [
        encoded(originals[0], format="JPEG", quality=25),
        encoded(ImageEnhance.Brightness(originals[1]).enhance(1.08), format="PNG"),
        encoded(originals[2].resize((61, 47)), format="PNG"),
        encoded(originals[3].resize((400, 300)), format="WEBP", quality=60),
        encoded(originals[4].convert("L"), format="PNG"),
    ]
    files = [encoded(picture, format="PNG") for picture in originals] + altered
    pairs = find_near_duplicates(pa.table({"i": pa.array(files, pa.binary())}), "image").pairs
    assert list(zip(pairs.earlier.tolist(), pairs.later.tolist(), strict=True)) == [
        (i, 20 + i) for i in range(5)
    ]


@given(st.integers(0, 2**32 - 1), st.integers(0, 16))
def test_hashes_within_the_radius_are_all_found(seed: int, radius: int) -> None:
    """Against all pairs compared one by one: exactly the hashes that differ in at most `radius` bits are found."""
    random = np.random.default_rng(seed)
    base = random.integers(0, 2**63, 4, dtype=np.uint64)
    hashes = []
    for _ in range(30):
        flips = random.choice(64, int(random.integers(0, 20)), replace=False)
        hashes.append(int(random.choice(base)) ^ sum(1 << int(bit) for bit in flips))
    kind = Images("i", 1 - radius / 64)
    from sheaf.verification.near import near_pairs

    sketch = kind.sketched(np.array(hashes, np.uint64), np.ones(30, np.bool_))
    pairs = near_pairs(kind, sketch, kind.threshold)
    first = [hashes.index(one) for one in hashes]
    expected = [
        (i, j)
        for j in range(30)
        for i in range(j)
        if (hashes[i] ^ hashes[j]).bit_count() <= radius
        and first[i] == i
        and (first[j] == j or first[j] == i)
    ]
    assert kind.radius == radius
    assert list(zip(pairs.earlier.tolist(), pairs.later.tolist(), strict=True)) == expected


def test_what_is_no_picture_is_not_compared() -> None:
    """Broken, truncated, empty, null, one-coloured and foreign files have no hash; nothing is raised."""
    from PIL import Image

    good = encoded(pictures(1)[0], format="PNG")
    flat = encoded(Image.new("RGB", (30, 30), "red"), format="PNG")
    deep = encoded(Image.fromarray(np.arange(10_000, dtype=np.uint16).reshape(100, 100)), format="PNG")
    files = [
        good,
        good[: len(good) // 2],
        b"",
        b"GIF89a",
        None,
        flat,
        deep,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 40,
    ]
    found = Images("i").sketch(pa.table({"i": pa.array(files, pa.binary())}))
    assert found.present.tolist() == [True] + [False] * 7
    assert grey(encoded(pictures(1)[0], format="JPEG"), ("PNG",)) is None
    with pytest.raises(RecordError, match=r"^field: t"):
        Images("t").sketch(pa.table({"t": ["x"]}))


def test_the_hash_is_in_whole_numbers() -> None:
    """A picture and twice its contrast have one hash; turned by half a circle they have another."""
    pixels = np.random.default_rng(1).integers(0, 100, (32, 32))
    assert perceptual(pixels) == perceptual(2 * pixels + 7) != perceptual(pixels[::-1, ::-1])


def walks(count: int, length: int, seed: int) -> np.ndarray:
    steps = np.random.default_rng(seed).standard_normal((count, length + 9))
    sums = np.cumsum(steps, axis=1)
    return np.mean([sums[:, i : i + length] for i in range(10)], axis=0)


def test_moved_scaled_and_noisy_series_are_found() -> None:
    """Copies moved in time, scaled, offset and with a little noise are near their originals, strangers are not."""
    series = walks(20, 600, 1)
    noise = np.random.default_rng(2).standard_normal((20, 540))
    copies = 1e-3 * series[:, 60:] + 7e3 + 1e-5 * series.std() * noise
    table = pa.table({"x": pa.array([*series, *copies])})
    pairs = find_near_duplicates(table, "series").pairs
    assert list(zip(pairs.earlier.tolist(), pairs.later.tolist(), strict=True)) == [
        (i, i + 20) for i in range(20)
    ]


def test_a_series_knows_nothing_of_its_neighbours() -> None:
    """Whatever stands before it in the table, a series has the same sketch: huge, null, broken or empty ones."""
    good = walks(1, 200, 3)[0].tolist()
    huge = (walks(1, 200, 4)[0] * 1e300).tolist()
    holed = [*good[:100], None, *good[101:]]
    strange = [float("inf"), float("-inf"), float("nan")] * 40
    table = pa.table({"x": pa.array([huge, None, [], strange, [1.0] * 200, good[:20], holed, good])})
    sketch = Series("x").sketch(table)
    assert sketch.present.tolist() == [True, False, False, False, False, False, True, True]
    alone = Series("x").sketch(table.slice(7))
    assert np.array_equal(alone.signature[0], sketch.signature[7])
    assert np.array_equal(alone.keys[0], sketch.keys[7])


def test_words_of_a_window_by_hand() -> None:
    """A window gives the word of its eight means, and that with the letter nearest to a quartile moved across it."""
    borders = np.array([-0.6744897501960817, 0, 0.6744897501960817])
    window = np.arange(64.0) ** 1.7
    means = (window.reshape(8, 8).mean(axis=1) - window.mean()) / window.std()
    letters = np.searchsorted(borders, means)
    gaps = np.abs(means[:, None] - borders)
    segment, border = np.unravel_index(gaps.argmin(), gaps.shape)
    moved = letters.copy()
    moved[segment] = border + 1 if means[segment] < borders[border] else border
    codes = [sum(int(letter) * 4**place for place, letter in enumerate(word)) for word in (letters, moved)]
    found = words(3 * window - 5, np.array([64]), 64)
    assert found.hashes.tolist() == mixed(np.array(codes, np.uint64)).tolist()
