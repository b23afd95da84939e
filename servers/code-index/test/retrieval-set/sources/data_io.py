import csv
import gzip
import json
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path


def read_csv_as_dicts(path, delimiter=","):
    with open(path, newline="") as handle:
        return list(csv.DictReader(handle, delimiter=delimiter))


def write_json_atomically(path, value):
    """Writes beside the target first, so that a crash leaves the old content."""
    fd, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
    with os.fdopen(fd, "w") as handle:
        json.dump(value, handle, indent=2)
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(temporary, path)


def count_lines(path):
    with open(path, "rb") as handle:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: handle.read(1 << 16), b""))


def gunzip_file(source, target):
    with gzip.open(source, "rb") as packed, open(target, "wb") as plain:
        shutil.copyfileobj(packed, plain)


def find_files_by_suffix(root, suffix):
    return sorted(p for p in Path(root).rglob(f"*{suffix}") if p.is_file())


def load_rows(database, query, params=()):
    connection = sqlite3.connect(database)
    try:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query, params)]
    finally:
        connection.close()


def directory_size(root):
    return sum(f.stat().st_size for f in Path(root).rglob("*") if f.is_file())


def merge_dicts(base, override):
    result = dict(base)
    for key, value in override.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merge_dicts(result[key], value)
        else:
            result[key] = value
    return result


def tail(path, n=10):
    with open(path) as handle:
        return handle.readlines()[-n:]
