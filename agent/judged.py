# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judging where nobody looks on: one phone's message does not end it for all the others."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from ..plugins.module_utils.errors import HandoverError
from ..plugins.module_utils.mobility.intake import Intake, Item, Outcome
from ..plugins.module_utils.sip.refusal import Refusal

__all__ = ["judged"]

_LOG = logging.getLogger("sip_handover")


def judged(intake: Intake, item: Item, now: float) -> Iterator[Outcome]:
    """The outcomes of one item. One that a fault of ours keeps from being judged is refused, as ``not_judged``.

    The log would be read again from before it, and end whatever reads it, again and again.

    :raises HandoverError: of the history.
    """
    try:
        yield from intake.take(item, now)
    except HandoverError:
        raise
    except Exception as error:
        where = getattr(item, "where", "")
        _LOG.exception("%s: judging this raised an error, which is a fault of ours", where)
        yield Refusal("not_judged", f"a fault of ours: {type(error).__name__}: {error}", where)
