# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cursor files of the command line: one JSON object, the cursor of each log under its name."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ..plugins.module_utils.errors import HandoverError
from ..plugins.module_utils.sip.sources.cursor import Cursor, cursor_from_record, cursor_to_record

__all__ = ["cursors_to_record", "load_cursors", "write_cursors"]


def load_cursors(path: str, may_be_missing: bool = False) -> dict[str, Cursor]:
    """The cursors of a file.

    :param may_be_missing: a file that is not there holds none.
    :raises HandoverError: ``bad_cursor``.
    """
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if may_be_missing:
            return {}
        raise HandoverError("bad_cursor", path, f"the cursor file is JSON ({error})") from error
    except (OSError, ValueError, RecursionError) as error:
        raise HandoverError("bad_cursor", path, f"the cursor file is JSON ({error})") from error
    if not isinstance(record, dict):
        raise HandoverError(
            "bad_cursor", path, "the cursor file holds one object: the cursor that an earlier run printed"
        )
    return {name: cursor_from_record(item) for name, item in record.items()}


def write_cursors(path: str, cursors: Mapping[str, Cursor]) -> None:
    """Write a file in one step: whoever reads it, even after a crash, finds the old cursors or the new ones.

    :raises HandoverError: ``unwritable_file``; the old file is still there.
    """
    try:
        _write(Path(path), json.dumps(cursors_to_record(cursors)) + "\n")
    except OSError as error:
        raise HandoverError("unwritable_file", f"{path}: {error.strerror}", "the cursor can be written") from error


def cursors_to_record(cursors: Mapping[str, Cursor]) -> dict[str, dict[str, object]]:
    """Cursors as plain data."""
    return {name: cursor_to_record(cursor) for name, cursor in cursors.items()}


def _write(target: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
