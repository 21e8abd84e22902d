# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a netconfd died of a signal that we did not send.

Debian's netconfd 2.13 does, once in a long while: SIGSEGV in obj_get_nsid of libyumancx. A test in which that happened
says nothing about the collection, so it is run once more. Any other failure stands as it is.
"""

from __future__ import annotations

import subprocess

import pytest

__all__ = ["crashed", "ended", "forget", "once_more", "started"]

_STARTED: list[subprocess.Popen[bytes]] = []


def started(netconfd: subprocess.Popen[bytes]) -> None:
    """Keep an eye on it."""
    _STARTED.append(netconfd)


def ended(netconfd: subprocess.Popen[bytes]) -> None:
    """We are about to end it: if it runs still, how it ends tells nothing."""
    if netconfd in _STARTED and netconfd.poll() is None:
        _STARTED.remove(netconfd)


def crashed() -> bool:
    """Whether one died by itself since the last :func:`forget`."""
    return any(netconfd.poll() is not None and netconfd.returncode < 0 for netconfd in _STARTED)


def forget() -> None:
    """A test begins: who is dead by now is no excuse for it."""
    _STARTED[:] = [netconfd for netconfd in _STARTED if netconfd.poll() is None]


#: For a module whose tests have a netconfd.
once_more = pytest.mark.flaky(reruns=1, condition=crashed)
