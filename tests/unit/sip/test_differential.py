# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our reading beside sipmessage's: where the two differ, a row of docs/sip-grammar.md says why, or this fails."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.sip.registers import registers

from .differences import SPELLINGS, UNKNOWN_TO_SIPMESSAGE, Facts, explanations, ours, theirs
from .evidence import REFUSED_BY_US
from .messages import REGISTER, message, register
from .torture import INVALID, IPV6_INVALID, IPV6_VALID, VALID, request

TABLE = Path(__file__).resolve().parents[3] / "docs" / "sip-grammar.md"
TORTURE = {**VALID, **{name: data for name, (_code, data) in INVALID.items()}, **IPV6_VALID, **IPV6_INVALID}
REGISTERS = [found.data for found in registers(1000)]


def more(name: str, value: str) -> bytes:
    return message([*REGISTER, (name, value)])


#: For each row, a message on which the two differ because of it.
EXAMPLES = {
    "empty lines first": b"\r\n\r\n" + register(),
    "folding": register(contact="LittleGuy\r\n <sip:alice@2.2.2.20>"),
    "white space before the colon": register().replace(b"Call-ID:", b"Call-ID :"),
    "version in any case": register().replace(b" SIP/2.0\r\n", b" sip/2.0\r\n", 1),
    "scheme in any case": register(to="<SIP:alice@example.com>"),
    "bytes that are not UTF-8": register(to='"Andr\xe9" <sip:alice@example.com>'),
    "white space in a Via": register(via="SIP / 2.0 / UDP 2.2.2.20 : 5060"),
    "asterisk": register(contact="*", expires="0"),
    "other scheme": register(to="<isbn:2983792873>"),
    "headers in a URI": register(contact="<sip:alice@2.2.2.20?Subject=x>"),
    "empty password": register(contact="<sip:alice:@2.2.2.20>"),
    "digit in the top label": register(contact="<sip:alice@host5>"),
    "two quoted strings": register(contact='"a" <sip:a@2.2.2.20>, "b" <sip:b@2.2.2.20>'),
    "semicolon in a quoted string": register(contact='<sip:alice@2.2.2.20>;x="a;;b"'),
    "Via of another protocol": register(via="SIP/3.0/UDP 2.2.2.20"),
    "IPv6 in received": IPV6_VALID["4.5 via-received-param-no-delim"],
    "date that is none": more("Date", "Sat, 31 Feb 2010 23:29:00 GMT"),
    "bad_address": register(to="<sip:alice@example.com>;x;x"),
    "bad_header": register(call_id="a b"),
    "bad_line_ending": register(tag="x\rContact: <sip:mallory@9.9.9.9>"),
    "bad_number": register(cseq="36893488147419103232 REGISTER"),
    "bad_start_line": request("INVITE", start="SIP/2.0 4294967301 better not break the receiver"),
    "bad_uri": register(contact="<sip:alice@2.2.2.256>"),
    "control_character": more("Subject", "x\x00"),
    "duplicate_header": more("i", "other@host"),
    "message_too_large": register(content_length=None) + b"x" * 65536,
    "method_mismatch": register(cseq="1826 INVITE"),
    "missing_header": register(via=None),
    "too_many_headers": message([*REGISTER, *[("X", "")] * 256]),
    "truncated_message": register(content_length="500"),
}


@pytest.mark.parametrize("name", TORTURE)
def test_torture_messages(name: str) -> None:
    assert explanations(TORTURE[name]) is not None, (ours(TORTURE[name]), theirs(TORTURE[name]))


def test_varied_registers() -> None:
    alike = 0
    for data in REGISTERS:
        why = explanations(data)
        assert why is not None, data
        assert isinstance(ours(data), Facts), data
        alike += not why
    assert alike > len(REGISTERS) // 2


_PIECES = [bytes([code]) for code in b'\r\n \t\0";,<>@:[]\\%=()*1a.\xff'] + [b"\r\n ", b"\r\n", b"::", b'\\"']


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A message with up to three places changed, cut out, filled in or copied to."""
    data = draw(st.sampled_from([*REGISTERS[:200], *VALID.values(), register()]))
    for _change in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        kind = draw(st.sampled_from(("cut", "fill", "replace", "copy")))
        piece = b"" if kind == "cut" else draw(st.sampled_from(_PIECES))
        if kind == "copy":
            start = draw(st.integers(0, max(0, len(data) - 1)))
            piece = data[start : start + draw(st.integers(1, 30))]
        gone = draw(st.integers(1, 4)) if kind == "cut" else kind == "replace"
        data = data[:at] + piece + data[at + gone :]
    return data


@given(mutations())
def test_mutated_messages(data: bytes) -> None:
    assert explanations(data) is not None, (ours(data), theirs(data))


def test_every_row_has_an_example() -> None:
    assert set(EXAMPLES) == {*SPELLINGS, *UNKNOWN_TO_SIPMESSAGE, *REFUSED_BY_US}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_row_explains_its_example(name: str) -> None:
    found = explanations(EXAMPLES[name])
    assert found is not None
    assert name in found


def test_the_document_has_every_row() -> None:
    text = TABLE.read_text(encoding="utf-8").partition("## Beside another reader")[2]
    rows = re.findall(r"^\| `?([^`|]+?)`? \| (?:[0-9]|RFC )[^|]* \| [^|]+ \|$", text, re.MULTILINE)
    assert sorted(rows) == sorted(EXAMPLES)
