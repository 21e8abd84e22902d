# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which statements Juniper's own schema does not know, as the package junoscfg carries it: JSON in, JSON out.

It was made from the XSD of Junos 24.4, of a device without ``security nat``: run by the environment of the stand-ins.
"""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from typing import Any


def unknown(schema: dict[str, Any], path: str) -> bool:
    """Whether a path of statements is not in the schema; a list has a name besides."""
    node = schema
    for name in path.split("/"):
        inner = node.get("c", {})
        if name == "name" and node.get("L") and name not in inner:
            return False
        if name not in inner:
            return True
        node = inner[name]
    return False


tree = json.loads((files("junoscfg.validate") / "data" / "junos-structure-tree.json").read_text(encoding="utf-8"))
json.dump([path for path in json.load(sys.stdin) if unknown(tree, path)], sys.stdout)
