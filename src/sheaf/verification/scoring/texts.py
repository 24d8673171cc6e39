"""Texts as numbers: which words and letters they share with others, what they are about, and whether their words follow one another
as in gold.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from sheaf.verification.scoring.shape import Floats, Integers

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

WORDS, LETTERS = 2**16, 2**17
"""Places for hashed words with pairs of words, and for hashed n-grams of characters."""
DIMENSIONS = 100
"""Latent dimensions."""
REDUCED = 1_500
"""Most texts, drawn by lot, that the dimensions are found on."""
CHUNK = 2_000
TOKEN = re.compile(r"\w+|[^\w\s]")
LONGEST = 20_000
"""Characters of a text that are looked at."""


def bags(columns: list[list[str]]) -> csr_matrix:
    """Return a row of length one for each record: words, pairs of words and 2- to 5-grams of characters, hashed, weighted by tf-idf."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
    from sklearn.preprocessing import normalize

    blocks = []
    for texts in columns:
        for analyzer, reach, places in (("word", (1, 2), WORDS), ("char_wb", (2, 5), LETTERS)):
            counted = HashingVectorizer(
                analyzer=analyzer, ngram_range=reach, n_features=places, alternate_sign=False, norm=None
            ).transform([text[:LONGEST] for text in texts])
            blocks.append(TfidfTransformer(sublinear_tf=True).fit_transform(counted))
    return normalize(hstack(blocks).tocsr())


def alike(rows: csr_matrix, landmarks: Integers) -> Floats:
    """Return the cosine of every row with every landmark, shape (n, landmarks)."""
    known = rows[landmarks].T.tocsc()
    parts = [(rows[i : i + CHUNK] @ known).toarray() for i in range(0, rows.shape[0], CHUNK)]
    return np.concatenate(parts).astype(np.float64, copy=False)


def latent(cosines: Floats, landmarks: Integers) -> Floats:
    """Return latent dimensions (Deerwester and others 1990), found on landmarks of gold and records alike: either alone would
    look odd in the other's.
    """
    from scipy.linalg import eigh  # type: ignore[import-untyped]

    use = np.unique(np.linspace(0, len(landmarks) - 1, min(REDUCED, len(landmarks))).astype(np.int64))
    own = cosines[landmarks[use]][:, use]
    count = max(1, min(DIMENSIONS, len(use) - 1))
    values, vectors = eigh((own + own.T) / 2.0, subset_by_index=(len(use) - count, len(use) - 1))
    found: Floats = cosines[:, use] @ (vectors / np.sqrt(np.maximum(values, 1e-6)))
    return found / (float(found.std()) or 1.0)


def orders(texts: list[str], gold: int) -> Floats:
    """Return for each text the share of its neighbouring words, both known from gold, that are neighbours in gold too; shape
    (n,).

    A text of gold is compared with the others.
    """
    tokens = [TOKEN.findall(text[:LONGEST].lower()) for text in texts]
    words = Counter(word for part in tokens[:gold] for word in set(part))
    pairs = Counter(pair for part in tokens[:gold] for pair in set(pairwise(part)))
    found = np.empty(len(texts))
    for i, part in enumerate(tokens):
        least = 2 if i < gold else 1
        known = [pair for pair in pairwise(part) if words[pair[0]] >= least and words[pair[1]] >= least]
        met = sum(pairs[pair] >= least for pair in known)
        found[i] = (met + 0.5) / (len(known) + 1.0)
    return found
