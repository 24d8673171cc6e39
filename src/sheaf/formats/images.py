"""Records from a folder of labelled images: sub-folders named for their label, or `labels.csv` with a column `file` and labels."""

from __future__ import annotations

import io
import os
import stat
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from sheaf.domain.errors import RecordError
from sheaf.formats.casting import cast
from sheaf.formats.limits import Limits, check_records, open_file
from sheaf.formats.schema import MEDIA, Field, Schema, compile  # noqa: A004
from sheaf.formats.text import read_csv

LABELS = "labels.csv"
IGNORED = {"thumbs.db", "desktop.ini"}
FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
# What Pillow's decoders are known to raise at broken input.
BROKEN = (
    OSError, SyntaxError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError, EOFError, MemoryError,
    struct.error, zlib.error,
)  # fmt: skip
PLAIN = {
    "type": "object",
    "properties": {
        "image": {"type": "string", "contentEncoding": "base64"},
        "width": {"type": "integer"},
        "height": {"type": "integer"},
        "label": {"type": "string"},
    },
    "required": ["image", "width", "height", "label"],
}


def read_folder(folder: Path, schema: Schema | None, limits: Limits) -> pa.Table:
    """Read every image of `folder` with its labels; files come in the order of labels.csv, or of their names.

    Fields named `width` and `height` are filled in pixels. The image is kept as its file has it, byte for byte, and its name is
    not. Raises RecordError.
    """
    schema = schema or compile(PLAIN)
    image = _image_field(schema)
    files = _files(folder, limits)
    check_records(len(files), limits)
    labels = (
        _labels(folder, files, schema, limits)
        if (folder / LABELS).exists()
        else _folder_labels(files, image, schema)
    )
    columns = _images(folder, files, image, limits)
    columns |= {name: pa.array(values, pa.string()) for name, values in labels.items()}
    names = {field.name for field in schema.fields}
    table = pa.table({name: column for name, column in columns.items() if name in names})
    return cast(table, schema.fields, is_text=True)


def _image_field(schema: Schema) -> Field:
    fields = [field for field in schema.fields if field.kind == "bytes"]
    if len(fields) != 1:
        fix = "a folder of images needs a schema with exactly one field of contentEncoding base64"
        raise RecordError("schema", f"{len(fields)} fields of bytes", fix)
    return fields[0]


def _files(folder: Path, limits: Limits) -> list[str]:
    """Return the images' paths below `folder`, at most one sub-folder deep, sorted. Links and foreign files are refused."""
    found = []
    total = 0
    for entry, path in _entries(folder, limits):
        if path == LABELS:
            continue
        if "/" not in path and entry.is_dir(follow_symlinks=False):
            continue
        if not stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
            raise RecordError("folder", path, "leave only images, at most one sub-folder deep")
        total += entry.stat(follow_symlinks=False).st_size
        if total > limits.max_bytes:
            raise RecordError("folder", f"more than {limits.max_bytes} bytes", "give fewer or smaller images")
        found.append(path)
    return sorted(found, key=str.encode)


def _entries(folder: Path, limits: Limits) -> Iterator[tuple[os.DirEntry[str], str]]:
    """Yield what lies in `folder` and its sub-folders, and its path; links are refused, hidden files passed over."""
    pending, seen = [""], 0
    while pending:
        below = pending.pop()
        with os.scandir(folder / below) as entries:
            for entry in entries:
                path = f"{below}/{entry.name}" if below else entry.name
                if entry.is_symlink():
                    raise RecordError("folder", path, "copy the file in place of the link")
                if entry.name.startswith(".") or entry.name.lower() in IGNORED:
                    continue
                if not _is_text(entry.name):
                    raise RecordError("folder", ascii(path), "give names in valid Unicode")
                seen += 1
                if seen > 2 * limits.max_records + 2:
                    check_records(seen, limits)
                if not below and entry.is_dir(follow_symlinks=False):
                    pending.append(entry.name)
                yield entry, path


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _folder_labels(files: list[str], image: Field, schema: Schema) -> dict[str, list[Any]]:
    names = [field.name for field in schema.fields if field.name not in (image.name, "width", "height")]
    if not names:
        return {}
    loose = next((path for path in files if "/" not in path), None)
    if loose is not None:
        raise RecordError(
            "folder", loose, f"put it in a sub-folder named for its label, or list it in {LABELS}"
        )
    label = "label" if "label" in names else names[0]
    return {label: [path.split("/")[0] for path in files]}


def _labels(folder: Path, files: list[str], schema: Schema, limits: Limits) -> dict[str, list[Any]]:
    """Read labels.csv as text; `files` takes its order."""
    with open_file(folder / LABELS, limits) as file:
        document = {"type": "object", "required": ["file"], "properties": {"file": {"type": "string"}}}
        computed = {"width", "height", _image_field(schema).name}
        names = [field.name for field in schema.fields if field.name not in computed]
        document["properties"] = {"file": {"type": "string"}} | {name: {"type": "string"} for name in names}
        table = read_csv(file, compile(document), limits)
    there, listed = set(files), table.column("file").to_pylist()
    for row, path in enumerate(listed):
        _check_listed(path, row, there)
        there.discard(path)
    if there:
        raise RecordError("folder", min(there), f"list it in {LABELS}, or take it out")
    files[:] = listed
    return {name: table.column(name).to_pylist() for name in names}


def _check_listed(path: str | None, row: int, there: set[str]) -> None:
    where = f"{LABELS}, record {row}, file"
    pure = PurePosixPath(path or "")
    if not path or pure.is_absolute() or ".." in pure.parts or "\\" in path or ":" in path:
        raise RecordError(where, path, "give the path of an image within the folder")
    if path not in there:
        raise RecordError(where, path, "name an image that is in the folder, each once")


def _images(folder: Path, files: list[str], image: Field, limits: Limits) -> dict[str, Any]:
    """Return the image, width and height of every file, as columns."""
    media = image.rules.get("contentMediaType")
    formats = [FORMATS[media]] if media else [FORMATS[name] for name in MEDIA]
    images, sizes = [], []
    for path in files:
        images.append(_read_image_file(folder / path, limits))
        sizes.append(_measure(images[-1], path, formats, limits))
    widths, heights = zip(*sizes, strict=True)
    return {image.name: pa.array(images, pa.binary()), "width": pa.array(widths), "height": pa.array(heights)}


def _read_image_file(path: Path, limits: Limits) -> bytes:
    if path.is_symlink():
        raise RecordError("folder", path.name, "copy the file in place of the link")
    with open_file(path, limits) as file:
        return file.read()


def _measure(data: bytes, path: str, formats: list[str], limits: Limits) -> tuple[int, int]:
    """Decode an image to see that it is whole, after its header has said that it is small enough. Return width and height."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=formats) as picture:
                width, height = picture.size
                if width * height > limits.max_pixels:
                    raise RecordError(
                        path, f"{width} × {height} pixels", f"give at most {limits.max_pixels:,} pixels"
                    )
                picture.load()
    except RecordError:
        raise
    except Image.DecompressionBombError:
        raise RecordError(
            path, "a decompression bomb", f"give at most {limits.max_pixels:,} pixels"
        ) from None
    except BROKEN as error:
        fix = f"give a whole {' or '.join(formats)} image"
        raise RecordError(path, error, fix) from None
    return width, height
