# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The output of a router script: sections that begin with a line ``@@ NAME``.

A section that failed ends with ``@@ status N``. The last line is ``@@ end``:
without it the script was cut on its way, or ended early.
"""

from __future__ import annotations

import re

from ..module_utils.errors import HandoverError
from ..module_utils.platforms.base import Output

__all__ = ["sections"]

_END = "@@ end"


def sections(printed: str) -> Output:
    """The sections of what a script printed.

    :raises HandoverError: ``script_cut``.
    """
    lines = printed.replace("\r\n", "\n").splitlines()
    if _END not in lines:
        raise _cut(lines[-1] if lines else "nothing")
    found: dict[str, str] = {}
    status: dict[str, int] = {}
    name = ""
    held: list[str] = []
    for line in lines[: lines.index(_END)]:
        if line.startswith("@@ status "):
            number = line.removeprefix("@@ status ")
            if not re.fullmatch("[0-9]{1,3}", number):
                raise _cut(line)
            status[name] = int(number)
        elif line.startswith("@@ "):
            found[name] = "\n".join(held)
            name, held = line.removeprefix("@@ "), []
        else:
            held.append(line)
    found[name] = "\n".join(held)
    return Output(found, status)


def _cut(said: str) -> HandoverError:
    return HandoverError(
        "script_cut",
        said,
        "a router runs the whole script",
        "Check that the login may become root without a terminal.",
    )
