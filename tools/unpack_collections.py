"""Unpack single collections from the wheel `ansible` that bundles them: unpack_collections.py FROM TO NAME..."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path


def main(source: str, target: str, *names: str) -> None:
    """Unpack the named collections of the one wheel in `source` below `target/ansible_collections`."""
    (wheel,) = Path(source).glob("ansible-*.whl")
    rooms = tuple(f"ansible_collections/{name.replace('.', '/')}/" for name in names)
    with zipfile.ZipFile(wheel) as bundle:
        bundle.extractall(target, [member for member in bundle.namelist() if member.startswith(rooms)])


main(*sys.argv[1:])
