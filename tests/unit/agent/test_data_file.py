# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data files: JSON, or YAML with JSON's values; hostile ones are refused with their name."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.agent.data_file import load
from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
on_disk = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(path: Path, text: str | bytes) -> Any:
    file = path / "file"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(str(file))


@on_disk
@given(values)
def test_json_is_read_as_it_is(tmp_path: Path, value: Any) -> None:
    assert read(tmp_path, json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-11-24T05:00:00Z", "2026-11-24T05:00:00Z"),
        ("2026-11-24", "2026-11-24"),
        ("2001:0:0:1:2:3:4:5", "2001:0:0:1:2:3:4:5"),
        ("12:30:45", "12:30:45"),
        ("1:20", "1:20"),
        ("yes", "yes"),
        ("off", "off"),
        ("010", "010"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        ("=", "="),
        ("true", True),
        ("null", None),
        ("~", None),
        ("", None),
        ("-7", -7),
        ("2.5", 2.5),
        ("1e3", 1000.0),
        ("'7'", "7"),
    ],
)
def test_a_scalar_of_yaml_is_jsons_or_text(tmp_path: Path, text: str, value: Any) -> None:
    """YAML 1.2, core schema. YAML 1.1 has dates, numbers of base 60, octal numbers and yes for true."""
    found = read(tmp_path, f"a: {text}\n")["a"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", ":1"),
        ("a: b: c", ":1"),
        ("a: 1\nb: 2\na: 3\n", ":3: a stands twice"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "c stands twice"),
        ("a: !!python/object/apply:os.system [id]\n", ":1"),
        ("a: !!binary x\n", "file"),
        ("? [a, b]\n: 1\n", ":1"),
        ("a: &x [*x]\n", None),
        ("\x00", "file"),
        (b"\xff\xfe{}", "UTF-8"),
        ("[" * 100_000, "file"),
        ("1" * 5000, "file"),
        ("- " * 5000, "file"),
    ],
    ids=range(13),
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, text: str | bytes, told: str | None) -> None:
    """With the name of the file, and the line where there is one. None: strange, but it can be read."""
    if told is None:
        read(tmp_path, text)
        return
    with pytest.raises(HandoverError) as refused:
        read(tmp_path, text)
    assert refused.value.code == "unreadable_file"
    assert str(tmp_path / "file") in refused.value.subject
    assert told in refused.value.subject + refused.value.rule


def test_numbers_that_json_does_not_have_are_not_numbers_of_ours(tmp_path: Path) -> None:
    """Python reads NaN; what takes a number refuses it there (see the records)."""
    assert math.isnan(read(tmp_path, "NaN"))


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_a_file_that_is_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(HandoverError, match="unreadable_file"):
        load(str(tmp_path / name))


@on_disk
@given(st.binary(max_size=60) | st.text(alphabet="{}[]:,-?&*!|>'\"%@`#ab1 \n\t", max_size=60).map(str.encode))
def test_any_bytes_are_data_or_refused(tmp_path: Path, text: bytes) -> None:
    with suppress(HandoverError):
        read(tmp_path, text)
