"""The description of a bundle in Croissant 1.1 (https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html)."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sheaf.domain.request import Specification
from sheaf.formats.schema import Field, Schema

PREFIXED = (
    "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileObject", "fileProperty",
    "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet",
    "references", "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "description": {"@container": "@language"},
    "name": {"@container": "@language"},
    **{term: f"cr:{term}" for term in PREFIXED},
}
TYPES = {
    "integer": "sc:Integer", "number": "sc:Float", "string": "sc:Text", "boolean": "sc:Boolean", "date": "sc:Date",
    "timestamp": "sc:DateTime", "bytes": "sc:Text",
}  # fmt: skip


@dataclass(frozen=True)
class Part:
    """A Parquet file of a bundle: its path, SHA-256 in hexadecimal, and size in bytes."""

    path: str
    sha256: str
    size: int


def metadata(
    specification: Specification,
    schema: Schema,
    parts: Sequence[Part],
    verdicts: Part,
    published_at: int,
    version: str,
) -> dict[str, Any]:
    """Return the JSON-LD of a bundle whose records lie in `parts`; `published_at` is in Unix seconds.

    `version` is a semantic version or a digest; mlcroissant finds no issue in the result.
    """
    day = datetime.datetime.fromtimestamp(published_at, datetime.UTC).date()
    files = [_file_object(part) for part in (*parts, verdicts)]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": specification.title,
        "description": specification.description or specification.title,
        "license": licence_url(specification.licence),
        "datePublished": day.isoformat(),
        "version": version,
        "url": f"urn:sheaf:{version}",
        "citeAs": _citation(specification, day.year, version),
        "creator": {"@type": "sc:Organization", "name": "Contributors of a Sheaf request"},
        "distribution": files,
        "recordSet": [_record_set(schema, part, len(parts) == 1) for part in parts],
    }


def licence_url(licence: str) -> str:
    """Return where SPDX has the text of a licence; a compound or private expression is returned as it is."""
    simple = re.fullmatch(r"[A-Za-z0-9.-]+", licence) and not licence.startswith("LicenseRef-")
    return f"https://spdx.org/licenses/{licence}.html" if simple else licence


def _citation(specification: Specification, year: int, version: str) -> str:
    title = re.sub(r"[{}\\]", "", specification.title)
    return f"@misc{{sheaf, title={{{title}}}, year={{{year}}}, note={{version {version}}}}}"


def _file_object(part: Part) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": part.path,
        "name": part.path,
        "contentUrl": part.path,
        "contentSize": f"{part.size} B",
        "encodingFormat": "application/x-parquet",
        "sha256": part.sha256,
    }


def _record_set(schema: Schema, part: Part, is_only: bool) -> dict[str, Any]:
    name = "records" if is_only else f"records-{re.sub(r'[^0-9]', '', part.path)}"
    fields = [_field(field, name, part.path, field.name, "") for field in schema.fields]
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "field": fields}


def _field(field: Field, parent: str, file: str, column: str, path: str) -> dict[str, Any]:
    """Describe a field; within objects `path` leads from the column to it."""
    inner, shape = field, []
    while inner.items is not None:
        inner = inner.items
        shape.append("-1")
    identifier = f"{parent}/{field.name}"
    result: dict[str, Any] = {"@type": "cr:Field", "@id": identifier, "name": field.name}
    if shape:
        result |= {"isArray": True, "arrayShape": ",".join(shape)}
    if inner.kind == "object":
        below = path + "[*]" * len(shape)
        result["subField"] = [
            _field(part, identifier, file, column, f"{below}.{part.name}") for part in inner.fields
        ]
        return result
    source: dict[str, Any] = {"fileObject": {"@id": file}, "extract": {"column": column}}
    if path:
        source["transform"] = {"jsonPath": f"${path}"}
    data_type = "sc:ImageObject" if "contentMediaType" in inner.rules else TYPES[inner.kind]
    return result | {"dataType": data_type, "source": source}
