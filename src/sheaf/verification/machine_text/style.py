"""What of a text tells how it was written: its style as numbers, free of what its way here left in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LONGEST = 20_000
"""Characters of a text that are looked at."""

_PLAIN = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "\ufffd": None}
)
WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_MARKS = ",.;:!?\"()-'"
_FUNCTION_WORDS = (
    "the", "of", "and", "to", "a", "in", "that", "is", "was", "he", "for", "it", "with", "as", "his",
    "on", "be", "at", "by", "i", "this", "had", "not", "are", "but", "from", "or", "have", "an", "they",
    "which", "one", "you", "were", "her", "all", "she", "there", "would", "their", "we", "him", "been",
    "has", "when", "who", "will", "more", "no", "if", "out", "so", "said", "what", "up", "its", "about",
    "into", "than", "them", "can", "only", "other", "new", "some", "could", "time", "these", "two", "may",
    "then", "do", "first", "any", "my", "now", "such", "like", "our", "over", "me", "even", "most",
    "also", "after", "did", "many", "before", "must", "through", "because", "very", "much", "however",
    "therefore", "although", "while", "another", "both", "each", "just", "really",
)  # fmt: skip
STYLES = len(_FUNCTION_WORDS) + len(_MARKS) + 12


def plainly(text: str) -> str:
    """Return the text without what its way here left in it: kinds of quotes, dashes, spaces, broken marks, line ends."""
    text = unicodedata.normalize("NFKC", text[:LONGEST]).translate(_PLAIN)
    return " ".join(text.split())


def style(text: str) -> list[float]:
    """Return what tells a style: rates of function words and marks, and how lengths of words and sentences vary."""
    words = WORD.findall(text.lower())
    count = max(len(words), 1)
    lengths = np.array([len(word) for word in words] or [0], dtype=np.float64)
    sentences = np.array([len(WORD.findall(part)) for part in _SENTENCE.split(text)] or [0], dtype=np.float64)
    times: dict[str, int] = {}
    for word in words:
        times[word] = times.get(word, 0) + 1
    windows = [len(set(words[i : i + 50])) / 50 for i in range(0, max(1, len(words) - 49), 10)]
    jumps = np.abs(np.diff(sentences)).mean() if len(sentences) > 1 else 0.0
    return [
        *(times.get(word, 0) / count for word in _FUNCTION_WORDS),
        *(text.count(mark) / count for mark in _MARKS),
        sentences.mean(),
        sentences.std(),
        sentences.std() / (sentences.mean() + 1.0),
        float(jumps),
        float(np.mean(windows)),
        lengths.mean(),
        lengths.std(),
        float((lengths >= 7).mean()),
        float((lengths <= 3).mean()),
        sum("'" in word for word in words) / count,
        sum(mark.isdigit() for mark in text) / count,
        sum(number == 1 for number in times.values()) / count,
    ]


def styles(texts: Sequence[str]) -> NDArray[np.float64]:
    """Return shape (n, STYLES): the style of each text."""
    return np.array([style(text) for text in texts], dtype=np.float64).reshape(len(texts), STYLES)
