# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings as YAML files. What is wrong with one is told with its line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import yaml

from ..plugins.module_utils.errors import HandoverError

__all__ = ["load_settings"]

_T = TypeVar("_T")


def load_settings(path: str, build: Callable[[object], _T], code: str, what: str) -> _T:
    """Read a file of settings.

    :param build: makes the settings of plain data; the subject of its errors begins with the key, in a list with the
        number of the item: ``events.0.log: value``.
    :param code: of the errors of this reader itself.
    :param what: what the file is, for those errors: ``a policy``.
    :raises HandoverError: its subject is file, line and what stands there.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        lines = dict(_lines(root, path, code)) if root is not None else {}
        data = yaml.safe_load(text)
    except OSError as error:
        raise HandoverError(code, path, f"the file can be read ({error.strerror})") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise HandoverError(code, f"{path}:{line}", f"{what} is YAML ({error.problem})") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, HandoverError):
            raise
        raise HandoverError(code, path, f"{what} is YAML in UTF-8 ({error})") from error
    try:
        return build(data)
    except HandoverError as error:
        key = error.subject.partition(":")[0]
        while key not in lines and "." in key:
            key = key.rpartition(".")[0]
        raise HandoverError(
            error.code, f"{path}:{lines.get(key, 1)}: {error.subject}", error.rule, error.advice
        ) from error


def _lines(
    node: yaml.Node, path: str, code: str, prefix: str = "", above: tuple[yaml.Node, ...] = ()
) -> Iterator[tuple[str, int]]:
    """Every key with its path of keys, and its line. YAML would let the second of two equal keys win in silence."""
    if node in above:
        return  # an alias of what it stands in
    above = (*above, node)
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield f"{prefix}{number}", item.start_mark.line + 1
            yield from _lines(item, path, code, f"{prefix}{number}.", above)
    if not isinstance(node, yaml.MappingNode):
        return
    seen = set()
    for key, value in node.value:
        name, line = prefix + str(key.value), key.start_mark.line + 1
        if name in seen:
            raise HandoverError(code, f"{path}:{line}: {name}", "a key stands once")
        seen.add(name)
        yield name, line
        yield from _lines(value, path, code, name + ".", above)
