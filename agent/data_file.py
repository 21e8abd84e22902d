# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data files of the command line: JSON, or YAML as JSON's values (YAML 1.2 core schema); ``-`` is standard input.

Times and IPv6 addresses stay text: YAML 1.1 would take 2026-11-24T05:00:00Z for a date, and
2001:0:0:1:2:3:4:5 for a number of base 60.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from ..plugins.module_utils.errors import HandoverError

__all__ = ["DataFiles", "load"]


class DataFiles:
    """An argument type for file names: standard input can be read only once."""

    def __init__(self) -> None:
        self._taken = False

    def __call__(self, name: str) -> str:
        if name == "-":
            if self._taken:
                raise argparse.ArgumentTypeError("standard input can be only one of the files")
            self._taken = True
        return name


def load(name: str) -> Any:
    """What a file holds.

    :raises HandoverError: ``unreadable_file``, naming the file, and the line where there is one.
    """
    shown = "standard input" if name == "-" else name
    try:
        text = (sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()).decode("utf-8")
    except OSError as error:
        raise HandoverError(
            "unreadable_file", f"{shown}: {error.strerror}", "a file that is named can be read"
        ) from error
    except UnicodeDecodeError as error:
        raise HandoverError("unreadable_file", f"{shown}: {error}", "a data file is UTF-8") from error
    try:
        return json.loads(text, object_pairs_hook=_once)
    except (json.JSONDecodeError, RecursionError):
        pass  # YAML, then
    except ValueError as error:
        raise HandoverError("unreadable_file", f"{shown}: {error}", "keys stand once, numbers are not huge") from error
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise HandoverError(
            "unreadable_file", f"{shown}:{line}: {error.problem}", "a data file is JSON or YAML"
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise HandoverError("unreadable_file", f"{shown}: {error}", "a data file is JSON or YAML") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, unused in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)} stands twice")
    return found


class _Loader(yaml.SafeLoader):
    """Safe, with JSON's scalars and no others, and without a key that stands twice."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as in PyYAML

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _value in node.value:
            if str(key.value) in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value} stands twice", problem_mark=key.start_mark)
            seen.add(str(key.value))
        found: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return found


for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("null", r"null|~|", "n~"),
    ("int", r"-?(0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", "-0123456789"),
):
    _firsts = [*_first, ""] if _tag == "null" else list(_first)
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _firsts)
