# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies as YAML files. What is wrong with one is told with its line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from ..plugins.module_utils.errors import HandoverError
from ..plugins.module_utils.mobility.registration_policy import Policy

__all__ = ["load_policy"]


def load_policy(path: str) -> Policy:
    """Read a policy file.

    :raises HandoverError: ``bad_policy`` or ``unknown_policy_key``; its subject is file, line and what stands there.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        lines = dict(_lines(root, path)) if root is not None else {}
        data = yaml.safe_load(text)
    except OSError as error:
        raise HandoverError("bad_policy", path, f"the file can be read ({error.strerror})") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise HandoverError("bad_policy", f"{path}:{line}", f"a policy is YAML ({error.problem})") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise HandoverError("bad_policy", path, f"a policy is YAML in UTF-8 ({error})") from error
    try:
        return Policy.from_dict(data)
    except HandoverError as error:
        key = error.subject.partition(":")[0]
        while key not in lines and "." in key:
            key = key.rpartition(".")[0]
        raise HandoverError(error.code, f"{path}:{lines.get(key, 1)}: {error.subject}", error.rule) from error


def _lines(node: yaml.Node, path: str, prefix: str = "") -> Iterator[tuple[str, int]]:
    """Every key with its path of keys, and its line. YAML would let the second of two equal keys win in silence."""
    if not isinstance(node, yaml.MappingNode):
        return
    seen = set()
    for key, value in node.value:
        name, line = prefix + str(key.value), key.start_mark.line + 1
        if name in seen:
            raise HandoverError("bad_policy", f"{path}:{line}: {name}", "a key stands once")
        seen.add(name)
        yield name, line
        yield from _lines(value, path, name + ".")
