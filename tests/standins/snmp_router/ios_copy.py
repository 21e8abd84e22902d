# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for an IOS router that is told over SNMP to copy its configuration: ccCopyTable, TFTP, and the stand-in of
IOS (tests/standins/ios) whose configuration the kernel of this network namespace carries out.

**Not Cisco's software.** A line of a file is entered as at a terminal, with nobody there: a question gets no for an
answer, and what is complained of makes the whole copy someConfigApplyFailed. Whether IOS carries out the ``do`` of a
line in a file, it does not show: it does.

    python -m tests.standins.snmp_router.ios_copy PORT CONFIGURATION
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ..ios.configuration import RunningConfiguration
from ..ios.dialogue import Dialogue
from ..ios.follow import Kernel
from ..ios.nat import QUESTION
from .config_copy import Copies
from .responders import serve


class Ios:
    """A running configuration of the stand-in of IOS; what it starts with is in the file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._config = RunningConfiguration("standin")
        self._kernel = Kernel(self._config, os.getpid(), file)
        self.merge(file.read_text(encoding="ascii").splitlines())

    def merge(self, lines: list[str]) -> bool:
        dialogue, good = Dialogue(self._config), True
        dialogue.enter("configure terminal")
        for line in lines:
            if line.strip() == "end":
                break
            said = dialogue.enter(line)
            if dialogue.prompt() == QUESTION:
                said = dialogue.enter("no")
            good = good and not said.lstrip(" ^\n").startswith("%")
        self._kernel.follow()
        return good


if __name__ == "__main__":
    serve(int(sys.argv[1]), Copies(Ios(Path(sys.argv[2]))))
