# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of a head: the quick reading of a plain one says what the careful one says, and both take linear time."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.sip import head_lines as reading

from ..growth import LINEAR, TIMES, growth
from .messages import register

START = b"REGISTER sip:example.com SIP/2.0\r\n"
PLAIN = register()[:-2]
_PIECES = (b"a", b"Via", b"v", b"K", b":", b": ", b" ", b"\t", b"\r", b"\n", b"\r\n", b"\r\n ", b"\0", b"\\\x01", b'"')
_MORE = (b"\xe9", b"\xc3\xa9", b"\xe2\x84\xaa", b"\xe2\x80\xa8", b"\xc2\x85", b"\x0b", b"\x0c", b"\x1c", b"\x7f")
HEADS = st.lists(st.sampled_from(_PIECES + _MORE), max_size=12).map(lambda pieces: b"".join(pieces) + b"\r\n")


@given(HEADS, st.booleans())
@example(b"a:\rb\r\n", True)
@example(b"a: x\r\nb\r\n", True)
@example(b"a: x\nb: y\r\r\n", True)
@example(b"a:x \t\r\n", True)
@example(b" a: x\r\n", True)
@example(b"\xe2\x84\xaa: x\r\n", True)
def test_the_quick_reading_says_what_the_careful_one_says(text: bytes, with_start: bool) -> None:
    head = (START if with_start else b"") + text
    quick = reading._plain_lines(head)
    if quick is not None:
        assert quick == reading._any_lines(head, False)


def test_a_plain_head_is_read_quickly() -> None:
    quick = reading._plain_lines(PLAIN)
    assert quick is not None
    assert quick == reading._any_lines(PLAIN, False)
    assert ("call-id", "843817637684230@998sdasdh09") in quick[1]


def test_a_folded_head_is_plain_once_it_is_unfolded() -> None:
    """RFC 3261 section 7.3.1: folding is one space."""
    folded = PLAIN.replace(b"Contact: LittleGuy ", b"Contact: LittleGuy\r\n\t  ")
    assert folded != PLAIN
    assert reading._plain_lines(folded) is None
    assert reading.head_lines(folded, False) == reading.head_lines(PLAIN, False)


#: As many bytes as a message may have, about.
_MANY = 60_000


@pytest.mark.parametrize(
    ("prefix", "piece", "suffix"),
    [
        (b"a:", b" ", b"\n"),
        (b"a:", b" \t", b"x\n\r\n"),
        (b"a", b" ", b"\r\n"),
        (b"", b"a", b"\r\n"),
        (b"a:", b"\r", b"\n"),
        (b"a:", b"\r\n ", b"\r\n"),
        (b"", b"a:\r\n", b""),
    ],
    ids=["blanks", "blanks and more", "no colon", "no end", "many CR", "folds", "lines"],
)
def test_hostile_heads_take_linear_time(prefix: bytes, piece: bytes, suffix: bytes) -> None:
    def work(size: int) -> None:
        with suppress(HandoverError):
            reading.head_lines(START + prefix + piece * (size // len(piece)) + suffix, False)

    assert growth(lambda: work(_MANY // TIMES), lambda: work(_MANY)) < LINEAR
