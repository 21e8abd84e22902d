# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client that was stopped still holds, given up by another process."""

from __future__ import annotations

from ..plugins.module_utils.sip.grammar import Address
from .config import Config
from .kernel import Kernel
from .state_file import read_states

__all__ = ["give_up_all"]


async def give_up_all(config: Config) -> list[Address]:
    """Take what the state names from ``lo``, and return it. The state stays as it is, and so does its owner.

    :raises HandoverError: ``bad_state``, ``no_netlink``, ``kernel_refused``.
    """
    held = [address for state in read_states(config.state_dir / "state.json").values() for address in state.kept]
    async with Kernel() as kernel:
        for address in held:
            await kernel.give_up(address)
    return held
