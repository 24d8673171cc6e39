"""Records that are near by construction, for the benchmark of near duplicates."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WORDS = 30_000
WIDTH = 3


def vocabulary() -> list[str]:
    """Return distinct made words of two to nine letters."""
    random = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    made = ("".join(letters[random.integers(0, 26, random.integers(2, 10))]) for _ in range(2 * WORDS))
    return list(dict.fromkeys(made))[:WORDS]


def documents(count: int, words: int, seed: int) -> list[str]:
    """Return texts of random words."""
    random, known = np.random.default_rng(seed), vocabulary()
    return [
        " ".join(known[i] for i in row) for row in random.integers(0, len(known), (count, words)).tolist()
    ]


def text_pairs(count: int, similarity: float, seed: int) -> tuple[list[str], list[str], NDArray[np.float64]]:
    """Return (texts, altered texts, Jaccard's similarity of their shingles of three words, counted as sets).

    In texts of 60 to 160 distinct words one stretch is replaced, so long that the similarity comes as near as whole numbers allow.
    """
    random, known = np.random.default_rng(seed), vocabulary()
    left, right, exact = [], [], []
    for _ in range(count):
        size = int(random.integers(60, 161))
        drawn = random.choice(len(known), 2 * size, replace=False).tolist()
        text, spare = [known[i] for i in drawn[:size]], [known[i] for i in drawn[size:]]
        lost = round((size - WIDTH + 1) * (1 - similarity) / (1 + similarity))
        stretch = max(lost - WIDTH + 1, 1)
        at = int(random.integers(WIDTH - 1, size - stretch - WIDTH + 2))
        other = text[:at] + spare[:stretch] + text[at + stretch :]
        left.append(" ".join(text))
        right.append(" ".join(other))
        exact.append(jaccard(text, other))
    return left, right, np.array(exact)


def jaccard(one: list[str], other: list[str]) -> float:
    """Return the similarity of two texts, given as words, by Python's own sets."""
    left, right = ({tuple(t[i : i + WIDTH]) for i in range(len(t) - WIDTH + 1)} for t in (one, other))
    return len(left & right) / len(left | right)


def pictures() -> list[Any]:
    """Return 70 different pictures: the parts of the two photographs that scikit-learn ships."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    parts = []
    for photograph in load_sample_images().images:
        for top in range(0, photograph.shape[0] - 84, 85):
            for left in range(0, photograph.shape[1] - 90, 91):
                parts.append(Image.fromarray(photograph[top : top + 85, left : left + 91]))
    return parts


def encoded(picture: Any, **settings: Any) -> bytes:
    """Return a picture as the bytes of a file."""
    file = io.BytesIO()
    picture.save(file, **settings)
    return file.getvalue()


def altered_pictures(picture: Any) -> dict[str, bytes]:
    """Return a picture compressed hard, made brighter, and scaled."""
    from PIL import ImageEnhance

    smaller = picture.resize((picture.width * 3 // 5, picture.height * 3 // 5))
    return {
        "JPEG at quality 30": encoded(picture, format="JPEG", quality=30),
        "10 % brighter": encoded(ImageEnhance.Brightness(picture).enhance(1.1), format="PNG"),
        "scaled to 60 %": encoded(smaller, format="PNG"),
    }


def made_series(count: int, length: int, seed: int) -> NDArray[np.float64]:
    """Return smooth random walks, shape (count, length)."""
    random = np.random.default_rng(seed)
    steps = random.standard_normal((count, length + 7))
    walks = np.cumsum(steps, axis=1)
    return np.mean([walks[:, i : i + length] for i in range(8)], axis=0)  # type: ignore[no-any-return]


def real_series(folder: Path, length: int) -> list[NDArray[np.float64]]:
    """Return the parts, `length` values each, of every CSV file with the columns timestamp and value."""
    parts = []
    for path in sorted(folder.rglob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            if rows.fieldnames is None or [*rows.fieldnames] != ["timestamp", "value"]:
                continue
            values = np.array([float(row["value"]) for row in rows])
        parts += [values[at : at + length] for at in range(0, len(values) - length + 1, length)]
    return parts


def labelled_pairs(folder: Path) -> Iterator[tuple[str, list[str], list[str], NDArray[np.bool_]]]:
    """Yield (name, left texts, right texts, are they the same) of every CSV file with `label` and columns left_… and right_….

    A text is all columns but numbers of rows (`…_id`), joined.
    """
    for path in sorted(folder.rglob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        if not rows or "label" not in rows[0]:
            continue
        sides = [
            [name for name in rows[0] if name.startswith(side) and not name.endswith("_id")]
            for side in ("left_", "right_")
        ]
        if not all(sides):
            continue
        left, right = ([" ".join(row[name] or "" for name in side) for row in rows] for side in sides)
        yield path.stem, left, right, np.array([row["label"].strip() == "1" for row in rows])
