# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What iptables is asked to hold; tests/kernel/test_iptables.py has the rest, with the real one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Change,
    Freeze,
    Rewrite,
    RewriteKind,
    Selector,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.iptables import Iptables

from ..mobility.worlds import NEW, NOW, OLD, PEER

STAMP = Stamp("8d7ac21f98194017", 1, NOW)
DECODER = Rewrite(RewriteKind.INBOUND_DST, Selector(PEER, NEW, "tcp", 7000, 40000), OLD, STAMP)


def test_what_is_put_has_not_expired_but_may_be_told_that_it_ends() -> None:
    """Rules stand until they are swept, and what stands can be taken away."""
    with pytest.raises(HandoverError, match="expired"):
        Iptables().context(Change(put=(DECODER,)), NOW)
    ending = replace(DECODER, stamp=replace(STAMP, ended=True))
    Iptables().context(Change((DECODER,), (ending, Freeze(DECODER.match, STAMP))), NOW)
