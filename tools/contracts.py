"""Compile the contracts and keep their artifacts honest.

    python -m tools.contracts compile     write artifacts and snapshots/bytecode.json
    python -m tools.contracts check       recompile and compare; a contract over the size limit fails

Every `CamelCase.vy` under `src/sheaf/contracts` is deployable and has its artifact in an `artifacts/` folder beside it:
`{"name", "abi", "bytecode", "runtime_bytes", "compiler": {"version", "evm", "optimize"}}`. Bytecode carries no metadata
of the source, so that a comment does not change it. What was compiled is kept under `.sheaf/` by the hash of all sources,
so that an unchanged tree costs nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "src" / "sheaf" / "contracts"
SNAPSHOT = ROOT / "snapshots" / "bytecode.json"
CACHE = ROOT / ".sheaf" / "compiled.json"
SIZE_LIMIT = 24_576  # bytes of deployed code, EIP-170
FORMAT = 2  # of the cache


class CompilationFailed(Exception):
    """A contract does not compile; the text is the compiler's."""


def deployables() -> list[Path]:
    """Return the sources that are deployed: those whose name starts with a capital."""
    return sorted(path for path in CONTRACTS.rglob("*.vy") if path.name[0].isupper())


def artifact_path(source: Path) -> Path:
    """Return where the artifact of `source` lies."""
    return source.parent / "artifacts" / f"{source.stem}.json"


def compile_one(source: Path) -> dict[str, Any]:
    """Return the artifact of `source` as a dictionary, or `{"error": text}` if the compiler refuses it."""
    from vyper.exceptions import VyperException

    try:
        return _compile(source)
    except VyperException as error:
        return {"error": f"{source.name}: {error}"}


def _compile(source: Path) -> dict[str, Any]:
    from vyper.compiler import CompilerData
    from vyper.compiler.input_bundle import FilesystemInputBundle
    from vyper.compiler.settings import Settings, anchor_settings

    folders = [ROOT / "src", *(Path(entry) for entry in sys.path if entry and Path(entry).is_dir())]
    bundle = FilesystemInputBundle(list(dict.fromkeys(folders)))
    with bundle.search_path(source.parent):
        file = bundle.load_file(source.name)
        data = CompilerData(file, input_bundle=bundle, settings=Settings(), no_bytecode_metadata=True)
        with anchor_settings(data.settings):
            from vyper.compiler.output import build_abi_output, build_bytecode_output

            immutables = data.global_ctx.immutable_section_bytes
            runtime = len(data.bytecode_runtime) + immutables
            return {
                "name": source.stem,
                "abi": build_abi_output(data),
                "bytecode": build_bytecode_output(data),
                "runtime_bytes": runtime,
                "compiler": {
                    "version": version("vyper"),
                    "evm": data.settings.evm_version or _default_evm(),
                    "optimize": str(data.settings.optimize),
                },
            }


def compile_all() -> dict[Path, dict[str, Any]]:
    """Compile every deployable, in parallel; what has not changed since the last call is not compiled again.

    Raises CompilationFailed with the compiler's words.
    """
    key = _sources_hash()
    if CACHE.exists():
        kept = json.loads(CACHE.read_text())
        if kept["key"] == key:
            return {ROOT / path: artifact for path, artifact in kept["artifacts"].items()}
    sources = deployables()
    with ProcessPoolExecutor(max_workers=min(os.cpu_count() or 1, max(len(sources), 1))) as pool:
        artifacts = dict(zip(sources, pool.map(compile_one, sources), strict=True))
    if errors := [artifact["error"] for artifact in artifacts.values() if "error" in artifact]:
        raise CompilationFailed("\n".join(errors))
    text = json.dumps(
        {"key": key, "artifacts": {str(path.relative_to(ROOT)): a for path, a in artifacts.items()}}
    )
    _replace(CACHE, text)
    return artifacts


def encode(artifact: dict[str, Any]) -> str:
    """Return the text of an artifact's file: one line per ABI entry, so that a change shows in a diff."""
    entries = ",\n  ".join(json.dumps(entry, sort_keys=True) for entry in artifact["abi"])
    rest = {key: value for key, value in artifact.items() if key not in ("name", "abi")}
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in rest.items()]
    head = f' "name": {json.dumps(artifact["name"])},\n "abi": [\n  {entries}\n ],\n'
    return "{\n" + head + ",\n".join(lines) + "\n}\n"


def sizes(artifacts: dict[Path, dict[str, Any]]) -> dict[str, int]:
    """Return bytes of deployed code by contract."""
    return {
        path.stem: artifact["runtime_bytes"]
        for path, artifact in sorted(artifacts.items(), key=lambda item: item[0].stem)
    }


def faults() -> list[str]:
    """Return what differs between sources, artifacts and snapshot, one sentence each; empty when all agree."""
    artifacts = compile_all()
    found = []
    for source, artifact in artifacts.items():
        path = artifact_path(source)
        if not path.exists():
            found.append(f"{path.relative_to(ROOT)}: absent")
        elif path.read_text() != encode(artifact):
            found.append(f"{path.relative_to(ROOT)}: not what {source.name} compiles to")
        if artifact["runtime_bytes"] > SIZE_LIMIT:
            found.append(
                f"{source.name}: {artifact['runtime_bytes']} bytes deployed, the limit is {SIZE_LIMIT}"
            )
    known = {artifact_path(source) for source in artifacts}
    found += [
        f"{path.relative_to(ROOT)}: its contract is gone"
        for path in CONTRACTS.rglob("artifacts/*.json")
        if path not in known
    ]
    if not SNAPSHOT.exists() or json.loads(SNAPSHOT.read_text()) != sizes(artifacts):
        found.append(f"{SNAPSHOT.relative_to(ROOT)}: not the sizes of the compiled contracts")
    return found


def write() -> list[str]:
    """Write all artifacts and the snapshot of sizes; return the paths that changed."""
    artifacts = compile_all()
    changed = [
        artifact_path(source)
        for source, artifact in artifacts.items()
        if _replace(artifact_path(source), encode(artifact))
    ]
    if _replace(SNAPSHOT, json.dumps(sizes(artifacts), indent=1) + "\n"):
        changed.append(SNAPSHOT)
    for path in CONTRACTS.rglob("artifacts/*.json"):
        if path not in {artifact_path(source) for source in artifacts}:
            path.unlink()
            changed.append(path)
    return [str(path.relative_to(ROOT)) for path in changed]


def main(arguments: list[str]) -> int:
    """Run the tool; return the exit status."""
    try:
        if arguments == ["compile"]:
            for path in write():
                print(path)
            return 0
        if arguments == ["check"]:
            found = faults()
            for sentence in [*found, "run `make contracts` and look at the difference"] if found else []:
                print(sentence, file=sys.stderr)
            return 1 if found else 0
    except CompilationFailed as error:
        print(error, file=sys.stderr)
        return 1
    print("usage: python -m tools.contracts compile|check", file=sys.stderr)
    return 2


def _sources_hash() -> str:
    digest = hashlib.sha256(f"{FORMAT} {version('vyper')} {version('snekmate')}".encode())
    for path in sorted(CONTRACTS.rglob("*.vy*")):
        digest.update(
            f"{path.relative_to(CONTRACTS)}\0".encode() + hashlib.sha256(path.read_bytes()).digest()
        )
    return digest.hexdigest()


def _replace(path: Path, text: str) -> bool:
    """Write `text` to `path` at once, so that a reader sees the old or the new; tell whether it changed."""
    if path.exists() and path.read_text() == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(path)
    return True


def _default_evm() -> str:
    from vyper.evm.opcodes import DEFAULT_EVM_VERSION

    return str(DEFAULT_EVM_VERSION)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
