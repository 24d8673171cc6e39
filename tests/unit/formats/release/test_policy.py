"""Policies of release as documents: what is taken, what is refused and how, and what is said about them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.domain.errors import SandboxError, SpecificationError
from sheaf.domain.job import Tier
from sheaf.domain.policy import Release, Showing
from sheaf.formats.release import policy as policies
from sheaf.formats.release.remarks import described, explain

APPROVED = f"""
release = "approved-code"
purposes = ["research"]
minimum_rows = 50
k = 5
expires = 2030-01-31
answers = 3
algorithms = ["{"ab" * 32}"]

[fields]
age = {{ show = "generalised", step = 10 }}
city = {{ show = "generalised", keep = 2 }}
born = {{ show = "generalised", period = "year" }}
label = "disclosed"
name = "hidden"

[output.accuracy]
kind = "number"
minimum = 0
maximum = 1
step = 0.001

[output.weights]
kind = "number"
minimum = -4
maximum = 4
step = 0.5
count = 64

[output.best]
kind = "choice"
choices = ["linear", "tree"]

[output.cases]
kind = "counts"
choices = ["north", "south"]
maximum = 1023

[limits]
wall_seconds = 60
memory_mib = 512
"""
STATISTICS = """
release = "statistics"
purposes = ["research"]
methods = ["count", "mean"]
minimum_rows = 100
expires = 2030-01-31
budget = { epsilon = 0.5, delta = 1e-7 }
fields = { age = "disclosed" }
"""
OPEN = """
release = "open"
personal = false
purposes = ["any"]
expires = 2030-01-31
answer = { log = true, times = 4 }
limits = { output_bytes = 1000, log_bytes = 100 }
fields = { pixels = "disclosed" }
"""


def document(text: str = APPROVED, **changes: Any) -> dict[str, Any]:
    return {**tomllib.loads(text), **changes}


def without(key: str, text: str = APPROVED) -> dict[str, Any]:
    return {name: value for name, value in tomllib.loads(text).items() if name != key}


def test_policy_is_read(tmp_path: Path) -> None:
    """A document becomes a policy with its fields, bounds and units."""
    path = tmp_path / "policy.toml"
    path.write_text(APPROVED)
    policy = policies.load(path)
    assert policy.release is Release.APPROVED_CODE
    assert (policy.fields["age"].showing, policy.fields["age"].step) == (Showing.GENERALISED, 10.0)
    assert (policy.expires_at, policy.k, policy.answers) == (1_896_048_000, 5, 3)
    assert (policy.limits.wall_seconds, policy.limits.memory_bytes) == (60, 512 << 20)
    assert policy.is_personal
    assert policy.digest == policies.load(path).digest
    assert policy.digest != policies.parse(document(k=6)).digest


def test_sandbox_may_be_demanded() -> None:
    """A policy says in how hard a sandbox programs run at least; what runs them has to be that one or a harder, where any are run."""
    wanted = policies.parse(document(sandbox="gvisor"))
    assert wanted.sandbox is Tier.GVISOR
    assert policies.parse(document()).sandbox is Tier.BUBBLEWRAP
    assert wanted.digest != policies.parse(document()).digest
    wanted.admit_sandbox("gvisor")
    for name in ("bubblewrap", "gvisor"):
        policies.parse(document()).admit_sandbox(name)
        policies.parse(document(STATISTICS)).admit_sandbox(name)
    with pytest.raises(
        SandboxError, match=r"^sandbox: bubblewrap: this policy demands gvisor: .*--tier gvisor"
    ):
        wanted.admit_sandbox("bubblewrap")
    assert "programs run in gvisor at least" in said(APPROVED, None, sandbox="gvisor")[0]


def test_bits_are_those_of_the_form() -> None:
    """The bits of an output are the logarithms of how many values its places can take: 1,001, 17^64, 2 and 1,024^2."""
    bits = policies.parse(document()).bits
    assert bits.output == pytest.approx(9.967226 + 64 * 4.087463 + 1 + 20, abs=1e-5)
    assert (bits.ending, bits.timing, bits.log, bits.per_person) == (1.0, 0.0, 0, None)


def test_bits_of_bytes_are_counted_with_their_lengths() -> None:
    """Where no form is fixed all bytes up to the cap can be told apart, and what is logged too."""
    bits = policies.parse(document(OPEN)).bits
    assert (bits.output, bits.timing, bits.log, bits.total) == (8001, 2.0, 801, 8805.0)


def test_noise_bounds_what_is_told_of_a_person() -> None:
    """An ε of ln 2 is one bit about any one person."""
    policy = policies.parse(document(STATISTICS, budget={"epsilon": 0.6931471805599453}))
    assert policy.bits.per_person == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (without("release"), "policy.release: None: give one of statistics, trusted-train, approved-code, open"),
        (document(release="closed"), "policy.release: closed: give one of"),
        (document(release=["open"]), "policy.release: "),
        (document(colour="red"), "policy.colour: unknown: give one of"),
        (document(personal="no"), "policy.personal: no: give true or false"),
        (document(purposes=[]), "policy.purposes: none: list what the data may be used for"),
        (document(purposes="research"), "policy.purposes: research: give a list of words"),
        (document(purposes=["a", "a"]), "policy.purposes: ['a', 'a']: list each once"),
        (document(purposes=["\n"]), "policy.purposes: "),
        (document(minimum_rows=0), "policy.minimum_rows: 0: give a whole number from 1"),
        (document(minimum_rows=True), "policy.minimum_rows: True"),
        (document(k=1.5), "policy.k: 1.5"),
        (document(expires="soon"), "policy.expires: soon: give a date"),
        (document(algorithms=[]), "policy.algorithms: none: list the SHA-256 of every program that you have read"),
        (document(algorithms=["AB" * 32]), "policy.algorithms: "),
        (document(algorithms="ab" * 32), "policy.algorithms: "),
        (without("output"), "policy.output: none: fix the form of the output"),
        (document(methods=["count"]), "policy.methods: approved-code: leave it out"),
        (document(budget={"epsilon": 1}), "policy.budget: approved-code: leave it out"),
        (document(budget={"epsilom": 1}), "policy.budget.epsilom: unknown: give one of delta, epsilon"),
        (document(answer={"log": True}), "policy.answer.log: true: leave it out"),
        (document(sandbox="docker"), "policy.sandbox: docker: give one of bubblewrap, gvisor"),
        (document(sandbox=True), "policy.sandbox: True: give one of"),
        (document(sandbox=""), "policy.sandbox: "),
        (document(STATISTICS, sandbox="gvisor"), "policy.sandbox: gvisor: leave it out: no code of buyers"),
        (document(answer={"times": 0}), "policy.answer.times: 0: give a whole number from 1"),
        (document(fields={}), "policy.fields: all hidden: show one field at least"),
        (document(fields=[]), "policy.fields: []: give a table"),
        (document(fields={"a": "shown"}), "policy.fields.a.show: shown: give one of hidden, generalised, disclosed"),
        (document(fields={"a": "generalised"}), "policy.fields.a: generalised: say how, in one way"),
        (document(fields={"a": {"show": "generalised", "step": 1, "keep": 1}}), "policy.fields.a: step and keep: say how"),
        (document(fields={"a": {"show": "disclosed", "step": 1}}), "policy.fields.a.step: 1: leave it out"),
        (document(fields={"a": {"show": "generalised", "step": 0}}), "policy.fields.a.step: 0: give a number above 0"),
        (document(fields={"a": {"show": "generalised", "step": float("nan")}}), "policy.fields.a.step: nan"),
        (document(fields={"a": {"show": "generalised", "period": "day"}}), "policy.fields.a.period: day: give one of year, month"),
        (document(output={"a": {"kind": "text"}}), "policy.output.a.kind: text: give one of number, choice, counts"),
        (document(output={"a": {"kind": "number"}}), "policy.output.a.maximum: none: number needs it"),
        (document(output={"a": {"kind": "number", "minimum": 1, "maximum": 0, "step": 1}}), "policy.output.a.maximum: 0"),
        (document(output={"a": {"kind": "number", "minimum": 0, "maximum": 1, "step": 1e-300}}), "policy.output.a.maximum: 1"),
        (document(output={"a": {"kind": "choice", "choices": []}}), "policy.output.a.choices: none: list one at least"),
        (document(output={"a": {"kind": "choice", "choices": ["x"], "count": 2}}), "policy.output.a.count: 2: leave it out"),
        (
            document(output={str(i): {"kind": "number", "minimum": 0, "maximum": 1, "step": 1, "count": 1 << 24} for i in range(2)}),
            "policy.output: 33554432 numbers: give at most",
        ),
        (document(limits={"memory_mib": 0}), "policy.limits.memory_mib: 0: give a whole number from 1"),
        (document(limits={"memory": 1}), "policy.limits.memory: unknown"),
        (document(STATISTICS, budget={}), "policy.budget.epsilon: none: say what one answer may cost"),
        (document(STATISTICS, budget={"epsilon": 0}), "policy.budget.epsilon: 0: give a number above 0"),
        (document(STATISTICS, methods=[]), "policy.methods: none: list which of our methods may run"),
        (document(STATISTICS, algorithms=["ab" * 32]), "policy.algorithms: 1: leave it out"),
        (document(STATISTICS, release="trusted-train", budget={"epsilon": 1}), "policy.budget.delta: None: training with noise"),
    ],
)  # fmt: skip
def test_bad_policy_is_refused(given: dict[str, Any], message: str) -> None:
    """What cannot be meant is refused by place, value and what would be taken."""
    with pytest.raises(SpecificationError) as refused:
        policies.parse(given)
    assert str(refused.value).startswith(message), str(refused.value)


ONE, TWO = "0x" + "aB" * 20, "0x" + "12" * 20


def shared(providers: Any) -> dict[str, Any]:
    return document(STATISTICS, budget={"epsilon": 1, "delta": 1e-6, "total": 2, "providers": providers})


def declared(**rule: Any) -> dict[str, Any]:
    return document(STATISTICS, fields={"age": {"show": "disclosed", **rule}})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (document(STATISTICS, person="name"), "policy.person: name: disclose that field"),
        (document(person="label"), "policy.person: label: leave it out: no noise is added here"),
        (document(STATISTICS, rows_per_person=2), "policy.rows_per_person: 2: say by person"),
        (document(STATISTICS, budget={"epsilon": 1, "person": 2}), "policy.budget.person: 2.0: say by person"),
        (document(STATISTICS, budget={"epsilon": 1, "total": 2}), "policy.budget.delta: None: give one with a total"),
        (document(STATISTICS, budget={"epsilon": 1, "delta": 1e-6, "total": 0.5}), "policy.budget.total: 0.5: give 1 or more"),
        (shared(None), "policy.budget.providers: None: give a table"),
        (shared({"A": 5}), "policy.budget.providers: A: give an account"),
        (shared({7: 5}), "policy.budget.providers: 7: give an account"),
        (shared({ONE: 0}), f"policy.budget.providers.{ONE}: 0: give a whole number from 1 to 100"),
        (shared({ONE: 50.5}), f"policy.budget.providers.{ONE}: 50.5: give a whole number"),
        (shared({ONE: 60, TWO: 41}), "policy.budget.providers: 101 percent: give at most 100 in all"),
        (shared({ONE: 5, ONE.lower(): 5}), f"policy.budget.providers: {ONE.lower()}: list each account once"),
        (shared({f"0x{i:040x}": 1 for i in range(17)}), "policy.budget.providers: 17 accounts: list at most 16"),
        (document(STATISTICS, budget={"epsilon": 1, "providers": {ONE: 5}}), "policy.budget.providers: 1: say by budget.total"),
        (declared(minimum=0), "policy.fields.age.maximum: none: give both bounds"),
        (declared(maximum=0), "policy.fields.age.minimum: none: give both bounds"),
        (declared(minimum=1, maximum=1), "policy.fields.age.maximum: 1.0: give one above the minimum"),
        (declared(minimum=0, maximum=float("inf")), "policy.fields.age.maximum: inf"),
        (declared(choices=["a", "b"], maximum=1), "policy.fields.age.maximum: 1: leave it out: choices are given"),
        (declared(choices=["a"]), "policy.fields.age.choices: ['a']: list 2 to"),
        (declared(choices=["a", "a"]), "policy.fields.age.choices: ['a', 'a']: list"),
        (declared(choices=[1, "a"]), "policy.fields.age.choices: [1, 'a']: give a list of words"),
    ],
)  # fmt: skip
def test_a_budget_that_cannot_be_kept_is_refused(given: dict[str, Any], message: str) -> None:
    """Whom a budget is for, how much there is in all, and between what bounds values lie, must fit together."""
    with pytest.raises(SpecificationError) as refused:
        policies.parse(given)
    assert str(refused.value).startswith(message), str(refused.value)


def test_what_is_declared_of_a_field_is_kept() -> None:
    """Bounds and choices come through as they are given."""
    found = policies.parse(
        document(
            STATISTICS,
            person="who",
            rows_per_person=3,
            budget={"epsilon": 0.5, "delta": 1e-6, "total": 2, "person": 1},
            fields={
                "who": "disclosed",
                "age": {"show": "disclosed", "minimum": 0, "maximum": 120},
                "sex": {"show": "disclosed", "choices": ["f", "m"]},
            },
        )
    )
    assert (found.person, found.rows_per_person, found.total, found.person_total) == ("who", 3, 2, 1)
    assert (found.fields["age"].minimum, found.fields["age"].maximum) == (0, 120)
    assert found.fields["sex"].choices == ("f", "m")


def test_who_may_spend_is_read_and_said() -> None:
    """Each provider's percentage of the budget is in the policy and its digest, and in words; without any, the first seat has all."""
    found = policies.parse(shared({ONE: 60, TWO: 30}))
    assert found.providers == {ONE.lower(): 60, TWO: 30}
    said = " ".join(one.text for one in explain(found))
    assert f"{ONE.lower()} spends 60 %, {TWO} spends 30 % of it; 10 % is kept" in said
    alone = policies.parse(shared({}))
    assert alone.providers == {} and alone.digest != found.digest
    assert "the first provider that has a seat spends all of it" in " ".join(
        one.text for one in explain(alone)
    )


def test_unapproved_code_over_personal_data_is_refused() -> None:
    """Unapproved code could carry persons out in weights: open is refused unless the owner says that nothing is personal."""
    for text in (document(OPEN, personal=True), without("personal", OPEN)):
        with pytest.raises(
            SpecificationError, match=r"^policy\.release: open: unapproved code could carry personal data"
        ):
            policies.parse(text)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"release = ", "policy: p.toml: mend the TOML"),
        (b"\xff\xfe", "policy: p.toml: write it in UTF-8: byte 0 is not"),
        (b"# " + b"x" * (1 << 20), "policy: 1048578 bytes: keep it below"),
        (b"a = " + b"[" * 5000, "policy: p.toml: "),
    ],
)
def test_bad_file_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    """A file that is no TOML, no text or too large is refused by its name."""
    path = tmp_path / "p.toml"
    path.write_bytes(data)
    with pytest.raises(SpecificationError) as refused:
        policies.load(path)
    assert str(refused.value).startswith(message), str(refused.value)


@given(
    st.dictionaries(
        st.sampled_from(sorted(policies.KEYS)),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
            ),
            max_leaves=5,
        ),
    )
)
def test_any_document_is_taken_or_refused(changes: dict[str, Any]) -> None:
    """Whatever stands in a document, it is compiled or refused in one line; nothing else is raised."""
    try:
        policies.parse({**document(), **changes})
    except SpecificationError as error:
        assert "\n" not in str(error)


def said(text: str, rows: int | None = None, **changes: Any) -> tuple[str, str]:
    """All remarks as one text, and the warnings among them."""
    remarks = explain(policies.parse(document(text, **changes)), rows)
    return "\n".join(one.text for one in remarks), "\n".join(one.text for one in remarks if one.is_warning)


def test_words_and_bits_of_approved_code() -> None:
    """Approved code is explained by its bits, and warned of where they are enough for a person."""
    text, warnings = said(APPROVED)
    assert (
        "one answer carries at most 293.6 bits: 292.6 bits in its output, 1 by failing or not, 0 by when it comes"
        in text
    )
    assert "output weights: 261.6 bits, 17 levels" in text
    assert "one buyer gets 3 answers: 880.7 bits in all" in text
    assert "33 bits tell one person from all others" in warnings
    assert "no program can hold him to it" in text


def test_narrow_output_needs_no_warning() -> None:
    """An accuracy in steps of a thousandth is no reason to warn."""
    accuracy = document()["output"]["accuracy"]
    assert said(APPROVED, output={"accuracy": accuracy})[1] == ""


@pytest.mark.parametrize(
    ("text", "rows", "changes", "warning"),
    [
        (STATISTICS, None, {"budget": {"epsilon": 10}}, "weak: 8 or less is usual"),
        (STATISTICS, 10**8, {}, "δ = 1e-07 for 100000000 records: give less than 1e-08"),
        (STATISTICS, 10, {}, "the table has 10 records and needs 100: every job will be refused"),
        (STATISTICS, None, {"minimum_rows": 5}, "5 records suffice for an answer"),
        (APPROVED, None, {"k": 1}, "counts of single persons may be put out"),
        (APPROVED, None, {"answer": {"times": 16}}, "an answer may leave at 16 moments"),
        (APPROVED, None, {"expires": None}, "it never expires"),
    ],
)
def test_warnings(text: str, rows: int | None, changes: dict[str, Any], warning: str) -> None:
    """What an owner may not have meant is warned of."""
    assert warning in said(text, rows, **changes)[1]


def test_when_an_answer_comes_is_said() -> None:
    """With one moment an answer waits until a job's time is over: buyer and owner read how long that is."""
    assert (
        "an answer leaves 90 s (limits.wall_seconds)"
        in said(STATISTICS, None, limits={"wall_seconds": 90})[0]
    )
    assert "an answer leaves" not in said(APPROVED, None, answer={"times": 16})[0]


def test_description_has_the_figures() -> None:
    """The figures as JSON: class, bits by their way, what is shown."""
    found = described(policies.parse(document(STATISTICS)))
    assert found["shown"] == ["age"]
    assert found["bits"]["per_person"] == pytest.approx(0.7213, abs=1e-4)
