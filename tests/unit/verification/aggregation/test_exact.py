"""Arithmetic that is the same everywhere."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.verification.aggregation import exact
from tests.unit.verification.aggregation.crowd import drawn

PROGRAM = """
import hashlib
from sheaf.verification.aggregation import infer
from tests.unit.verification.aggregation.crowd import labels_of
found = infer(labels_of(5, gold=20, classes=4)[0])
parts = (found.truth.posterior, found.truth.skill, found.spammer, found.ring)
print(hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest())
"""
GOLDEN = "d70bc5a889c34ad3bb01945451fe5058c509ad5cc97812a39a00debe1fb70280"
FUNCTIONS = "41c10bf547a36debd8662ead9ae2ebbde6ba6ae9bece80c174b7d1c7b30dac1b"


@given(st.floats(1e-300, 1e300))
def test_log_is_the_logarithm(x: float) -> None:
    """`log` differs from the true logarithm by at most a few units in the last place."""
    assert exact.log(np.array([x]))[0] == pytest.approx(math.log(x), rel=1e-15, abs=1e-15)


@given(st.floats(-690, 690))
def test_exp_is_the_exponential(x: float) -> None:
    """`exp` differs from the true exponential by at most a few units in the last place."""
    assert exact.exp(np.array([x]))[0] == pytest.approx(math.exp(x), rel=1e-15)


@pytest.mark.parametrize(
    ("x", "value"),
    [
        (1.0, -0.57721566490153286),
        (0.5, -1.9635100260214235),
        (2.0, 0.42278433509846714),
        (10.0, 2.2517525890667211),
    ],
)
def test_digamma_has_its_tabulated_values(x: float, value: float) -> None:
    """ψ agrees with the tables of Abramowitz and Stegun, chapter 6."""
    assert exact.digamma(np.array([x]))[0] == pytest.approx(value, abs=1e-12)


@given(st.floats(1e-6, 1e6))
def test_log_gamma_is_the_logarithm_of_gamma(x: float) -> None:
    """`log_gamma` differs from the true one by at most 1e-12 of its size, or of one."""
    assert exact.log_gamma(np.array([x]))[0] == pytest.approx(math.lgamma(x), rel=1e-12, abs=1e-12)


def test_a_system_of_equations_is_solved() -> None:
    """Elimination gives back the solution from which a positive system was made."""
    root = drawn(25, 3, 1000).reshape(5, 5) / 1000.0
    matrix, solution = root @ root.T + np.eye(5), np.arange(5.0)
    assert exact.solved(matrix, matrix @ solution) == pytest.approx(solution, abs=1e-12)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=60), st.randoms(use_true_random=False))
def test_sums_on_the_grid_have_no_order(values: list[float], random: object) -> None:
    """Numbers on the grid add up to the same bits in any order, which plain floats do not."""
    rounded = exact.on_grid(np.array(values))
    shuffled = rounded[np.argsort(drawn(len(values), len(values), 2**40))]
    assert rounded.sum() == shuffled.sum() == math.fsum(rounded)


def test_the_functions_have_fixed_bits() -> None:
    """Logarithm, exponential, digamma and log gamma of ten thousand numbers hash to one recorded value."""
    x = (drawn(10_000, 1, 2**40) + 1) / 2.0**34
    parts = (exact.log(x), exact.exp(-x), exact.digamma(x), exact.log_gamma(x))
    digest = hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()
    assert digest == FUNCTIONS


@pytest.mark.parametrize(
    "machine",
    [
        {},
        {
            "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR AVX2 FMA3"
        },
        {"OPENBLAS_CORETYPE": "Prescott", "OPENBLAS_NUM_THREADS": "2"},
    ],
    ids=["this machine", "no wide vectors", "an old processor's BLAS"],
)
def test_a_whole_inference_has_fixed_bits(machine: dict[str, str]) -> None:
    """Posteriors, skills, scores and rings hash to one recorded value, whatever vector units and linear algebra are used."""
    environment = {**os.environ, **machine, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == GOLDEN
