# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For tests: do something just after the Nth step that a router acknowledged.

SIPMOBILITY_AFTER_STEP is ``N:COMMAND``; the command ``kill`` ends this ansible-playbook and its workers at
once, as ``kill -9`` of its process group does.
"""

from __future__ import annotations

import os
import signal
import subprocess

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: after_step
type: aggregate
short_description: act after the Nth acknowledged step
description: For the tests of this collection.
"""


class CallbackModule(CallbackBase):
    """Counts acknowledged steps."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "after_step"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        number, _, self._command = os.environ.get("SIPMOBILITY_AFTER_STEP", "").partition(":")
        self._left = int(number) if number else -1

    def v2_runner_on_ok(self, result: object, **_: object) -> None:
        """Called in the main process for each result."""
        if self._left < 0 or "summary" not in getattr(result, "result", getattr(result, "_result", {})):
            return
        self._left -= 1
        if self._left == 0:
            if self._command == "kill":
                os.killpg(os.getpgid(0), signal.SIGKILL)
            subprocess.run(self._command, shell=True, check=True)
            self._left = -1
