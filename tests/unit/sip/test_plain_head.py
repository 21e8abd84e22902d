# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plain reading of messages and of header values takes nothing that the careful one refuses, and reads it alike."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.sip import contact, header
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.name_addr import parse_name_addrs

from ...bench.sip.registers import registers
from .messages import REGISTER, TAG, register
from .plainly import check, outcome
from .torture import INVALID, IPV6_INVALID, IPV6_VALID, VALID

PLAIN = register()[:-2]
FINDINGS = sorted((Path(__file__).resolve().parents[2] / "fuzz" / "findings").rglob("*"))

_URIS = (
    "sip:alice@example.com sip:alice@2.2.2.20:5060;ob sips:a;b?c@EXAMPLE.com. sip:example.com sip:a@[2001:db8::1]:5061 "
    "SIP:a@1.1.1.020 sip:a@1.1.1.256 sip:a@[::1::2] sip:a%40b@c sip:a%4@c sip:a:pw@c sip:a@c;x;X sip:a@c;x=1;y=2 "
    "sip:a@c;x=1;xy=2;x sip:a@c:0 sip:a@c:65000 sip:a@c:65535 sip:a@c:65536 sip:a@c?b=c sip:a@c;a?b=c sip: sip:@c "
    "sip:a@-c sip:a@b_c sip:a@[1.1.1.1] tel:+1 sip:a@c;d=e=f sip:a@c;;d sip:a@" + "h" * 256
).split()
_DISPLAYS = ("", "Alice ", "Al ice\t", '"A, <b>; c" ', '"\\"" ', '"\xe9"', '"', "\u2028 ", "A,b ")
_PARAMS = (
    ';tag=1 ;TAG=1 ;tag ;tag=1;tag=2 ;expires=60 ;expires=X ;expires ;expires="60" ;Expires=1;expires=2 ;q=0.5;Q=1 '
    ';reg-id=1 ;reg-id=1x ;reg-id=99999999999 ;+sip.instance="<urn:UUID:A>" ;+sip.instance="" ;+sip.instance="<a '
    ';received=2001:db8::1 ;x=[::1] ;x=a:b ;x="\\"" ; ;x= ;branch=z9;rport ;branch=1;BRANCH=2 '
    ";branch=1;branch=2 ;rport;ttl=1 ;rportx ;branch=z9;received=1.1.1.1 ;x=\xe9 ;q=1;q=1 ;reg-id=2;ob ;q=1x ;reg-id "
    ';+sip.instance="<a>b>" ;+sip.instance="<A\\"b>" ;+sip.instance="<A>"x ;+sip.instance=A ;expires=60;expires=60'
).split()
_PARAM = st.sampled_from(["", "", *_PARAMS]) | st.lists(st.sampled_from(_PARAMS), max_size=3).map(" ".join)
_ADDRESS = st.builds(
    lambda name, uri, bare, params: f"{name}{uri}{params}" if bare else f"{name}<{uri}>{params}",
    st.sampled_from(_DISPLAYS),
    st.sampled_from(_URIS),
    st.sampled_from([False, False, False, True]),
    _PARAM,
)
_ADDRESSES = st.lists(_ADDRESS, min_size=1, max_size=3).map(", ".join) | st.sampled_from(
    ["*", "", ",", "<sip:a@b>,", "<sip:a@b>,, <sip:c@d>", "<sip:a@b> <sip:c@d>", '"x, <sip:a@b>', '<sip:a@b>;x="']
)
_HOSTS = st.sampled_from(["1.1.1.1", "1.1.1.01", "[2001:db8::9]:5060", "[::1", "h.example:99999", "h:0", "[:::]", "-"])
_VIA = st.builds(
    lambda proto, host, params: f"{proto} {host}{params}",
    st.sampled_from(["SIP/2.0/UDP", "SIP / 2.0 / tls", "SIP/2.0/", "SIP/2.0/WS-x"]),
    _HOSTS,
    _PARAM,
)
_DIGEST = st.lists(
    st.sampled_from(
        'username="a" USERNAME="b" username=a realm="r, s" realm="\\"" nonce=1 uri="sip:a" qop=auth,auth nc=1 nc=2 x=y '
        'username=" opaque="" algorithm=MD5 username="\xe9" a'.split(" ")
    ),
    max_size=5,
).map(lambda params: "Digest " + ", ".join(params))
_NUMBERS_SAID = "0 1 070 255 256 65535 65536 99999 2147483647 2147483648 4294967295 4294967296 1e3 -1".split()
_NUMBERS = st.sampled_from(_NUMBERS_SAID)

#: Of each header that is read, other values, good and bad.
_VALUES: dict[str, st.SearchStrategy[str]] = {
    "Via": st.lists(_VIA, min_size=1, max_size=2).map(", ".join),
    "v": _VIA,
    "From": _ADDRESS,
    "f": _ADDRESS,
    "To": _ADDRESS,
    "T": _ADDRESS,
    "Contact": _ADDRESSES,
    "m": _ADDRESSES,
    TAG: _ADDRESSES | _HOSTS,
    "comXcisco.TerminalMobilityUsingNat": st.just("<sip:mallory@9.9.9.9>"),
    "Call-ID": st.sampled_from(["a@b", "a", "a@b@c", "", "a b", "\xe9", '<>{}"@x']),
    "I": st.just("other"),
    "CSeq": st.builds(
        lambda n, m: f"{n} {m}", _NUMBERS, st.sampled_from(["REGISTER", "\tREGISTER", "register", "INVITE"])
    ),
    "Max-Forwards": _NUMBERS,
    "Expires": _NUMBERS,
    "Content-Length": _NUMBERS,
    "L": _NUMBERS,
    "Require": st.sampled_from([TAG, f"path ,{TAG.upper()}", "", ",", "a b", "a,,b"]),
    "Authorization": _DIGEST | st.sampled_from(["Basic x", "Digest", "Digest username=a,", ""]),
    "Date": st.sampled_from(["Sat, 13 Nov 2010 23:29:00 GMT", "Sat, 13 Nov 2010 23:29:00 EST"]),
    "Content-Type": st.just("application/sdp"),
    "c": st.just("text/plain"),
    "Min-Expires": st.just("60"),
    "iall-id": st.just("not a Call-ID"),
    "User-Agent": st.sampled_from(["x", "a: b", "", "\x01", "\t", "\x85"]),
    "Bad Name": st.just("x"),
}
_STARTS = (
    "REGISTER sip:example.com SIP/2.0",
    "REGISTER  sip:example.com SIP/2.0",
    "REGISTER sip:example.com SIP/3.0",
    "INVITE sip:a@b SIP/2.0",
    "SIP/2.0 200 OK",
    "x",
)


_CASES: tuple[Callable[[str], str], ...] = (str, str, str.lower, str.upper)


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    """The patent's REGISTER with some headers changed, added, dropped or moved, and now and then broken bytes."""
    lines = [list(pair) for pair in REGISTER]
    for line in lines:
        if draw(st.integers(0, 15)) == 0:
            line[1] = draw(_VALUES[line[0]])
    for name in draw(st.lists(st.sampled_from(sorted(_VALUES)), max_size=1)):
        lines.insert(draw(st.integers(0, len(lines))), [name, draw(_VALUES[name])])
    if draw(st.integers(0, 7)) == 0:
        del lines[draw(st.integers(0, len(lines) - 1))]
    colon = draw(st.sampled_from([": ", ": ", ":", " :\t", "\t: \r\n ", " "]))
    case = draw(st.sampled_from(_CASES))
    end = draw(st.sampled_from(["", "", " \t"]))
    start = draw(st.sampled_from([_STARTS[0], _STARTS[0], *_STARTS]))
    text = f"{start}\r\n" + "".join(f"{case(name)}{colon}{value}{end}\r\n" for name, value in lines)
    data = text.encode(draw(st.sampled_from(["utf-8", "utf-8", "latin-1"])), "replace")
    if draw(st.integers(0, 4)) == 0:
        at = draw(st.integers(0, len(data)))
        broken = draw(
            st.sampled_from([b"", b"\r", b"\n", b"\r\n", b"\r\n ", b"\n ", b"\0", b"\x7f", b'"', b"<", b"\xff"])
        )
        data = data[:at] + broken + data[at + draw(st.integers(0, 2)) :]
    return data


@given(heads(), st.booleans())
@example(b"SIP/2.0 200 OK\r\n folded" + PLAIN[PLAIN.index(b"\r\n") :], False)
@example(PLAIN.replace(b"\r\n", b"\n"), True)
def test_what_the_plain_reading_takes_the_careful_one_reads_alike(head: bytes, bare_lf: bool) -> None:
    check(head, bare_lf)


@pytest.mark.parametrize("broken", [b"", b"\r", b"\n", b"\r\n", b"\0", b"\x7f", b'"', b":", b" ", b"\\", b",", b";"])
def test_near_misses_at_every_place(broken: bytes) -> None:
    """One byte put in, or in the place of another: chance finds too few of these."""
    for at in range(len(PLAIN) + 1):
        check(PLAIN[:at] + broken + PLAIN[at:])
        check(PLAIN[:at] + broken + PLAIN[at + 1 :])


@pytest.mark.parametrize("name", sorted(_VALUES))
@pytest.mark.parametrize("value", ["x", "", "<sip:a@9.9.9.9>", "1", "\x01", "SIP/2.0/UDP h", "1 REGISTER"])
def test_one_header_more_is_read_alike(name: str, value: str) -> None:
    for colon in (": ", ":", " :", " "):
        line = f"{name}{colon}{value}\r\n".encode()
        check(PLAIN + line)
        start = PLAIN.index(b"\n") + 1
        check(PLAIN[:start] + line + PLAIN[start:])


@pytest.mark.parametrize("number", _NUMBERS_SAID)
@pytest.mark.parametrize("name", ["CSeq", "Max-Forwards", "Expires", "Content-Length"])
def test_numbers_are_read_alike(name: str, number: str) -> None:
    without = re.sub(rf"(?m)^{name}:.*\n".encode(), b"", PLAIN)
    for method in ("", " REGISTER"):
        check(without + f"{name}: {number}{method}\r\n".encode())


@pytest.mark.parametrize("kind", [VALID, IPV6_VALID, IPV6_INVALID, {name: data for name, (_, data) in INVALID.items()}])
def test_torture_messages_are_read_alike(kind: dict[str, bytes]) -> None:
    for data in kind.values():
        check(data.lstrip(b"\r\n").partition(b"\r\n\r\n")[0] + b"\r\n")


def test_findings_of_the_fuzzer_are_read_alike() -> None:
    for path in FINDINGS:
        if path.is_file():
            check(path.read_bytes().partition(b"\r\n\r\n")[0] + b"\r\n")


def test_phones_are_read_plainly() -> None:
    """Else the careful reading would be all that is tested, and all that is used."""
    assert all(check(one.data[:-2]) is not None for one in registers(300))


@pytest.mark.parametrize(
    "params", [";branch=a;branch=b", ";rport;branch=a;rport=1", ";alias;ttl=1", ";branch=a;Branch=b"]
)
def test_a_via_parameter_stands_once_or_is_read_carefully(params: str) -> None:
    assert check(PLAIN.replace(b";branch=z9hG4bK776asdhds", params.encode())) is None


def test_two_vias_are_plain_and_both_are_read() -> None:
    head = PLAIN.replace(b"Max-Forwards", b"Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bK2\r\nMax-Forwards")
    found = check(head)
    assert found is not None
    assert [hop.transport for hop in found.vias] == ["tls", "udp"]
    assert check(head.replace(b"198.51.100.1", b"198.51.100.01")) is None
    # Spelled in two ways, which no sender does, it is left to the careful reading.
    assert check(head.replace(b"Via: SIP/2.0/UDP", b"v: SIP/2.0/UDP")) is None


def test_names_are_remembered_by_how_they_are_spelled() -> None:
    """A head with the names of one that was plain is looked at by itself; names that come again are, too."""
    lines = PLAIN.split(b"\r\n")
    assert check(b"\r\n".join([lines[0], *lines[:0:-1][1:], b""])) is not None
    assert check(PLAIN + b"Subject: a\r\nSubject: b\r\n") is not None
    assert check(PLAIN + b"Contact: <sip:alice@2.2.2.21>\r\n") is not None
    for name in (b"From: <sip:a@b>;tag=1", b"Expires: 60", b"Require: path", b"Authorization: Digest username=a"):
        head = PLAIN if name.split(b":")[0] in PLAIN else PLAIN + name + b"\r\n"
        assert check(head + name + b"\r\n") is None
    for once in (b"Content-Type", b"Min-Expires"):
        assert check(PLAIN + once + b": 1\r\n" + once + b": 1\r\n") is None
    assert check(PLAIN + b"m: <sip:alice@2.2.2.21>\r\n") is None
    assert check(PLAIN + b"Supported\r\n") is None


@given(st.lists(_ADDRESSES, min_size=1, max_size=3))
@example(["<sip:a@b>", ""])
@example(["", "<sip:a@b>"])
@example(["<sip:a@b>,", "<sip:c@d>"])
@example(["<sip:a@b>", ", <sip:c@d>"])
@example(['"x', 'y" <sip:a@b>'])
@example(['"x\\', 'y" <sip:a@b>'])
@example(["<sip:a@b", ";c>"])
@example(["<sip:a@b>;c", "=d"])
@example(['<sip:a@b>;c="', '"'])
@example(["<sip:a@b>;c=", "<sip:a@b>"])
@example(["<sip:a@b>", ";c=d"])
@example(["x", "<sip:a@b>"])
def test_contact_lines_are_read_alike(lines: list[str]) -> None:
    """Each line stands for itself."""
    plain = contact._plain_contacts("\n".join(lines), 1800)
    if plain is not None:
        assert plain == contact._any_contacts([a for line in lines for a in parse_name_addrs(line, "Contact")], 1800)


@given(_DIGEST, _ADDRESSES)
def test_credentials_and_old_addresses_are_read_alike(digest: str, address: str) -> None:
    """What the patterns for plain values take is left to the careful reading by a little more text."""
    if header._plain_digest(digest) is not None:
        assert header.parse_credentials(digest) == header.parse_credentials(digest + ", Unknown=1")
    if header._ONE_NAME_ADDR.fullmatch(address):
        plain = outcome(lambda: header.parse_old_addresses(address))
        careful = outcome(lambda: header.parse_old_addresses(" " + address))
        assert (plain[0], bool(plain[1])) == (careful[0], bool(careful[1]))
