from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from sheaf.domain.errors import InputError, IntegrityError, SheafError
from sheaf.privacy.attestation import intel, sev
from sheaf.privacy.attestation.claims import Claims, Expected, binding

GOLDEN = Path(__file__).parents[3] / "golden" / "attestation"
JUNE = int(datetime(2025, 6, 20, tzinfo=UTC).timestamp())
NOVEMBER = int(datetime(2026, 11, 21, tzinfo=UTC).timestamp())
YEAR_2025 = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp())

REPORT, CHIP = (GOLDEN / "sev_report.bin").read_bytes(), (GOLDEN / "sev_vcek.der").read_bytes()
MILAN, GENOA = (GOLDEN / "sev_milan.pem").read_bytes(), (GOLDEN / "sev_genoa.pem").read_bytes()


def quote(kind: str) -> tuple[bytes, str]:
    return (GOLDEN / f"{kind}_quote.bin").read_bytes(), (GOLDEN / f"{kind}_collateral.json").read_text()


def expected(kind: str) -> Expected:
    """What the real quote says, read from its bytes at the places that Intel's and AMD's manuals name."""
    if kind == "sev-snp":
        return Expected(frozenset({REPORT[0x90:0xC0].hex()}), REPORT[0x50:0x90])
    raw, _ = quote(kind)
    if kind == "sgx":
        body = raw[48 : 48 + 384]
        allowed = frozenset({"UpToDate", "ConfigurationAndSWHardeningNeeded"})
        return Expected(frozenset({body[64:96].hex()}), body[320:384], allowed)
    body = raw[48 : 48 + 584]
    return Expected(frozenset({(body[136:184] + body[328:520]).hex()}), body[520:584])


def check(kind: str, want: Expected, at: int | None = None) -> Claims:
    if kind == "sev-snp":
        return sev.check(REPORT, CHIP, MILAN, YEAR_2025 if at is None else at, want)
    pytest.importorskip("dcap_qvl")
    raw, collateral = quote(kind)
    return intel.check(raw, collateral, JUNE if at is None else at, want)


@pytest.mark.parametrize("kind", ["sgx", "tdx", "sev-snp"])
def test_real_quotes_are_accepted_and_say_what_they_prove(kind: str) -> None:
    """A quote of a real processor is accepted at its time, and says what it proves and what it does not."""
    found = check(kind, expected(kind))
    assert found.kind == kind and {found.measurement} == expected(kind).measurements
    assert any("physical" in text for text in found.proves_not) and len(found.proves) == 3
    assert (
        found.level
        == {"sgx": "ConfigurationAndSWHardeningNeeded", "tdx": "UpToDate", "sev-snp": "3.0.8.115"}[kind]
    )


@pytest.mark.parametrize("kind", ["sgx", "tdx", "sev-snp"])
def test_quotes_about_something_else_are_refused(kind: str) -> None:
    """Another program, another job, and a time when collateral or certificates do not hold, are refused by name."""
    want = expected(kind)
    with pytest.raises(IntegrityError, match="which the policy does not name"):
        check(kind, msgspec.structs.replace(want, measurements=frozenset({"00" * 48})))
    with pytest.raises(IntegrityError, match="is for another job, nonce or key"):
        check(kind, msgspec.structs.replace(want, report_data=binding("job", bytes(16), b"key")))
    with pytest.raises(IntegrityError, match="attestation"):
        check(kind, want, at=NOVEMBER + 10**9 if kind == "sev-snp" else NOVEMBER)
    with pytest.raises(IntegrityError, match="attestation"):
        check(kind, want, at=JUNE - 10 * 365 * 86400)


def test_patch_levels_are_demanded() -> None:
    """A platform whose patch level the policy does not allow is refused, with Intel's advisories or AMD's numbers."""
    with pytest.raises(IntegrityError, match="INTEL-SA-00289"):
        check("sgx", msgspec.structs.replace(expected("sgx"), levels=frozenset({"UpToDate"})))
    with pytest.raises(
        IntegrityError, match=r"patch level is \(3, 0, 8, 115\), asked for is \(3, 0, 8, 116\)"
    ):
        check("sev-snp", msgspec.structs.replace(expected("sev-snp"), least_tcb=(3, 0, 8, 116)))


@pytest.mark.parametrize("kind", ["sgx", "tdx"])
def test_altered_quotes_of_intel_are_refused(kind: str) -> None:
    """A changed bit in the body, the signature or the certificates, a cut, and the collateral of another platform are refused."""
    pytest.importorskip("dcap_qvl")
    raw, collateral = quote(kind)
    rng, body = random.Random(7), 48 + (384 if kind == "sgx" else 584)
    places = [0, 2, 50, body - 1, body + 4 + 10, body + 4 + 70, body + 4 + 200] + [
        rng.randrange(48, body) for _ in range(20)
    ]
    for place in places:
        altered = bytearray(raw)
        altered[place] ^= 1 << rng.randrange(8)
        with pytest.raises(IntegrityError):
            intel.check(bytes(altered), collateral, JUNE, expected(kind))
    for cut in (1, 47, 100, 500):
        with pytest.raises(IntegrityError):
            intel.check(raw[:cut], collateral, JUNE, expected(kind))
    with pytest.raises(IntegrityError):
        intel.check(raw, quote("tdx" if kind == "sgx" else "sgx")[1], JUNE, expected(kind))


@pytest.mark.parametrize(
    "field",
    [
        "tcb_info",
        "qe_identity",
        "tcb_info_signature",
        "qe_identity_signature",
        "root_ca_crl",
        "pck_crl",
        "tcb_info_issuer_chain",
    ],
)
def test_altered_collateral_is_refused(field: str) -> None:
    """Collateral in which one character is changed is refused: it is signed too."""
    pytest.importorskip("dcap_qvl")
    raw, collateral = quote("tdx")
    document = json.loads(collateral)
    value = document[field]
    place = len(value) // 4  # in a chain that is the certificate that signs, not the root, which is built in
    document[field] = value[:place] + ("a" if value[place] != "a" else "b") + value[place + 1 :]
    with pytest.raises(SheafError):
        intel.check(raw, json.dumps(document), JUNE, expected("tdx"))


def test_what_is_no_quote_is_refused() -> None:
    """Nothing, too much, random bytes and malformed collateral are refused in one line."""
    pytest.importorskip("dcap_qvl")
    raw, collateral = quote("tdx")
    for given, with_it in (
        (b"", collateral),
        (bytes(1 << 17), collateral),
        (raw, "{}"),
        (raw, "x" * (1 << 21)),
        (raw, "[1"),
        (bytes(600), collateral),
    ):
        with pytest.raises(SheafError):
            intel.check(given, with_it, JUNE, expected("tdx"))


def test_debug_machines_of_intel_are_refused() -> None:
    """A debug enclave or machine is refused, though its quote may be good."""
    sgx = {
        "status": "UpToDate",
        "advisory_ids": [],
        "report": {"SgxEnclave": {"attributes": "07" + "00" * 15, "mr_enclave": "", "report_data": ""}},
    }
    tdx = {
        "status": "UpToDate",
        "advisory_ids": [],
        "report": {"TD15": {"base": {"td_attributes": "01" + "00" * 7}}},
    }
    for report in (sgx, tdx):
        with pytest.raises(IntegrityError, match="debug machine"):
            intel._claims(report)


def test_a_guest_that_its_host_may_debug_is_refused() -> None:
    """A real report, well signed, of a guest whose memory its host may read is refused; so is one on another chip's certificate."""
    report, chip = (
        (GOLDEN / "sev_debug_report.bin").read_bytes(),
        (GOLDEN / "sev_debug_vcek.der").read_bytes(),
    )
    want = Expected(frozenset({report[0x90:0xC0].hex()}), report[0x50:0x90])
    with pytest.raises(IntegrityError, match="debug guest"):
        sev.check(report, chip, MILAN, YEAR_2025, want)
    with pytest.raises(IntegrityError, match="altered or is of another chip"):
        sev.check(REPORT, chip, MILAN, YEAR_2025, expected("sev-snp"))


def test_without_a_list_revocation_is_not_claimed() -> None:
    """Where no revocation list was given the claims say so; a list that is none, or not AMD's, is refused."""
    assert "revocation" in " ".join(check("sev-snp", expected("sev-snp")).proves_not)
    for listed in (b"garbage", bytes.fromhex(json.loads(quote("tdx")[1])["root_ca_crl"])):
        with pytest.raises(SheafError, match="revo"):
            sev.check(REPORT, CHIP, MILAN, YEAR_2025, expected("sev-snp"), listed)


def test_altered_reports_of_amd_are_refused() -> None:
    """A changed bit anywhere in the signed part or the signature is refused, and so are certificates that were altered."""
    rng = random.Random(7)
    for place in [0, 8, 0x34, 0x50, 0x90, 0x180, 0x1A0, 0x2A0, 0x2A0 + 72] + [
        rng.randrange(0x2A0) for _ in range(20)
    ]:
        altered = bytearray(REPORT)
        altered[place] ^= 1 << rng.randrange(8)
        with pytest.raises(IntegrityError):
            sev.check(bytes(altered), CHIP, MILAN, YEAR_2025, expected("sev-snp"))
    for place in (100, 300, 600, 900, len(CHIP) - 10):
        chip = bytearray(CHIP)
        chip[place] ^= 1
        with pytest.raises(SheafError):
            sev.check(REPORT, bytes(chip), MILAN, YEAR_2025, expected("sev-snp"))


def test_foreign_chains_are_refused() -> None:
    """The chain of another family, a chain that somebody made, one that is too short, and garbage are refused."""
    for chain, refusal in (
        (GENOA, "no chain|another family"),
        (MILAN + MILAN, "4 certificates"),
        (b"", "malformed|0 certificates"),
        (b"x", "malformed"),
    ):
        with pytest.raises(SheafError, match=refusal):
            sev.check(REPORT, CHIP, chain, YEAR_2025, expected("sev-snp"))
    parts = MILAN.split(b"-----END CERTIFICATE-----\n")
    turned = parts[1] + b"-----END CERTIFICATE-----\n" + parts[0] + b"-----END CERTIFICATE-----\n"
    with pytest.raises(IntegrityError, match="root is not AMD's"):
        sev.check(REPORT, CHIP, turned, YEAR_2025, expected("sev-snp"))
    for given in (REPORT[:-1], b"", REPORT + b"x"):
        with pytest.raises(InputError, match="give a report of 1184 bytes"):
            sev.check(given, CHIP, MILAN, YEAR_2025, expected("sev-snp"))


def test_what_is_demanded_is_demanded_whole() -> None:
    """A policy without a measurement or binding, and a nonce that can be guessed, are refused."""
    with pytest.raises(InputError, match="measurements"):
        Expected(frozenset(), bytes(64))
    with pytest.raises(InputError, match="report_data"):
        Expected(frozenset({"00"}), b"")
    with pytest.raises(InputError, match="nonce"):
        binding("job", b"1", b"key")
    assert (
        binding("job", bytes(16), b"key") != binding("jo", bytes(16), b"bkey")
        and len(binding("j", bytes(16), b"")) == 64
    )
