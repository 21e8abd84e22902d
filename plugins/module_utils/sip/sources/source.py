# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a source of registrations and dialogs is: a name, a parser, and what its input is recognised by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable, Iterable, Iterator, Optional, Tuple, Union

from ..dialog_message import DialogMessage
from ..refusal import Refusal
from ..registration import Expired, Registration
from .lines import Position

__all__ = ["Item", "Parser", "Source"]

Item = Union[Registration, Refusal, Expired, DialogMessage]
Parser = Callable[[Iterable[bytes], str, Optional[Position]], Iterator[Item]]


@dataclass(frozen=True)
class Source:
    """One format. Each module of a format has one of these, ``SOURCE``, and :data:`..sources.SOURCES` lists them.

    :ivar name: as operators write it.
    :ivar parse: takes chunks of bytes of any size, a name for messages, and the :class:`Position` that it moves;
        yields what it finds, and a :class:`Refusal` for what it could not read. It never raises.
    :ivar telling: searched in each line, with its LF, of a text: a line that holds it is of this format.
    :ivar magic: the first bytes of a binary input, one of these.
    """

    name: str
    parse: Parser
    telling: Optional[re.Pattern[bytes]] = None
    magic: Tuple[bytes, ...] = ()
