"""halmos proves that Escrow conserves every ledger, and that no two calls of an outsider move anything, whatever the arguments.

Releasing and paying once are proved for all amounts; settling and refunding, where sums of many amounts are compared, for amounts
below 2**20; the state machine covers the rest.

halmos reads artifacts as foundry writes them. Here Vyper compiles, this file writes them down in that form, and the `forge` that halmos
calls to build finds nothing left to do.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from vyper.compiler import compile_from_file_input
from vyper.compiler.input_bundle import FilesystemInputBundle

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
ESCROW = SOURCE / "sheaf" / "contracts" / "market" / "Escrow.vy"
PROOF = Path(__file__).with_name("EscrowProof.vy")
FORMATS = ["abi", "bytecode", "bytecode_runtime", "method_identifiers"]
CLAIMS = (
    "check_settling_conserves",
    "check_releasing_conserves",
    "check_reserved_cannot_be_refunded",
    "check_nobody_is_paid_twice",
    "check_two_calls_of_an_outsider_move_nothing",
)

pytestmark = pytest.mark.night


def compiled(path: Path, text: str) -> dict[str, Any]:
    """Compile Vyper source that imports from the contracts' folder."""
    from vyper.compiler.input_bundle import FileInput

    found = FileInput(0, path, path, text)
    bundle = FilesystemInputBundle([SOURCE])
    return dict(compile_from_file_input(found, input_bundle=bundle, output_formats=FORMATS))


def write_artifact(folder: Path, name: str, parts: dict[str, Any]) -> None:
    """Write a compiled contract as foundry does."""
    artifact = {
        "abi": parts["abi"],
        "bytecode": {"object": parts["bytecode"], "linkReferences": {}},
        "deployedBytecode": {"object": parts["bytecode_runtime"], "linkReferences": {}},
        "methodIdentifiers": {
            signature: selector[2:].zfill(8) for signature, selector in parts["method_identifiers"].items()
        },
        "metadata": {"compiler": {"version": "0.4.3"}, "output": {"devdoc": {"methods": {}}}},
        "ast": {
            "absolutePath": f"{name}.vy",
            "nodes": [
                {"nodeType": "ContractDefinition", "name": name, "contractKind": "contract", "nodes": []}
            ],
        },
        "id": 0,
    }
    place = folder / "out" / f"{name}.sol"
    place.mkdir(parents=True)
    (place / f"{name}.json").write_text(json.dumps(artifact))


def build(folder: Path, escrow_source: str) -> Path:
    """Make of `folder` what halmos takes for a built foundry project."""
    escrow = compiled(ESCROW, escrow_source)
    write_artifact(folder, "Escrow", escrow)
    text = PROOF.read_text().replace('x"00"', f'x"{escrow["bytecode"][2:]}"')
    write_artifact(folder, "EscrowProof", compiled(PROOF, text))
    (folder / "bin").mkdir()
    forge = folder / "bin" / "forge"
    forge.write_text("#!/bin/sh\nexit 0\n")
    forge.chmod(0o755)
    return folder


def prove(project: Path, claim: str) -> tuple[str, list[str]]:
    """Run halmos on one claim and return its verdict and its warnings."""
    halmos = Path(sys.executable).with_name("halmos")
    command = [halmos, "--root", project, "--contract", "EscrowProof", "--function", claim, "--storage-layout", "generic",
               "--solver-timeout-assertion", "0", "--no-status"]  # fmt: skip
    path = f"{project / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        timeout=600,
        cwd=project,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    verdict = re.search(rf"\[(\w+)\] {claim}\(", said)
    # Vyper keeps immutables behind the code, so halmos does not find the deployed code among the artifacts: it needs not to.
    warned = re.findall(r"WARNING +(?!unknown deployed bytecode|\s)(.*)", said)
    return (verdict[1] if verdict else said), warned


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The proof of Escrow as it is."""
    return build(tmp_path_factory.mktemp("halmos"), ESCROW.read_text())


@pytest.mark.parametrize("claim", CLAIMS)
def test_escrow_is_proved(project: Path, claim: str) -> None:
    """The claim holds on every path, and halmos left out none."""
    assert prove(project, claim) == ("PASS", [])


@pytest.mark.parametrize(
    ("rule", "without", "claim"),
    [
        ("(amount << 128) + amount - taken", "(amount << 128) + amount", "check_settling_conserves"),
        ("payments - amount\n", "payments\n", "check_reserved_cannot_be_refunded"),
        ("self.owed[token][account] = 0\n", "pass\n", "check_nobody_is_paid_twice"),
    ],
)
def test_a_broken_escrow_is_not_proved(tmp_path: Path, rule: str, without: str, claim: str) -> None:
    """Without the rule that a claim rests on, halmos finds the case that breaks it: the proofs can fail."""
    text = ESCROW.read_text()
    assert rule in text
    verdict, _ = prove(build(tmp_path, text.replace(rule, without)), claim)
    assert verdict == "FAIL"
