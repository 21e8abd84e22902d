# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plain reading of an event line takes nothing that the careful one refuses, and reads it alike."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ...bench.sip.kamailio_log import write_log
from .messages import TAG
from .plainly import check_event

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "kamailio"


def recorded() -> list[bytes]:
    """The lines that a real Kamailio wrote of REGISTERs, with the configuration of role sip_server."""
    lines = [line for file in sorted(FIXTURES.glob("register_*.jsonl")) for line in file.read_bytes().splitlines()]
    return [line for line in lines if b'"event":"register"' in line]


def test_what_the_role_writes_is_plain() -> None:
    """But for bodies, several Contact or tag lines, and what only the careful reading may refuse."""
    plain = {line: check_event(line) is not None for line in recorded()}
    assert sum(plain.values()) >= 8
    for line in [line for line, taken in plain.items() if not taken]:
        event = json.loads(line)
        several = [key for key in ("contact_hex", "tag_hex", "require_hex", "before") if len(event[key]) > 1]
        assert several or event["body_hex"] or not event["contact_hex"], line


def test_the_log_of_the_bench_is_plain(tmp_path: Path) -> None:
    write_log(tmp_path / "log", 1 << 20)
    events = [line[line.index(b"{") :] for line in (tmp_path / "log").read_bytes().splitlines() if b'"before"' in line]
    assert events
    assert all(check_event(line) is not None for line in events)


def _hex(text: str) -> str:
    return text.encode().hex()


_TEXTS = st.sampled_from(["alice", "a b", "", "<null>", "[not set]", 'a"b', "a\\b", "\xe9", "\x7f", "\x01", None, 7])
_NUMBERS_SAID = (0, 1, 5060, 65535, 65536, 999_999_999, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 7258118400, 7258118401)
_NUMBERS = st.sampled_from([*_NUMBERS_SAID, 9_999_999_999, -1, 1.5, None, True, "1"])
_TIMES = st.sampled_from([1795541541.644011, 1795541541, 6999999999.5, 7258118400, 9999999999, 0, 1e9, None, "1"])
_ADDRESSES = st.sampled_from(
    ["198.51.100.7", "2001:db8::7", "[2001:db8::7]", "198.51.100.07", "198.51.100", ":", None, ""]
)
_URIS = st.sampled_from(
    ["sip:a@198.51.100.7:5060", "sip:a@198.51.100.7:5060;ob", "sip:a@[2001:db8::7]", "sip:a@h.example", "x", "", None]
)
_AORS = st.sampled_from(
    [
        "sip:alice@example.com",
        "sip:alice@EXAMPLE.com.",
        "alice@example.com",
        "sips:a@b",
        "sip:a%40b@c",
        "sip:a:pw@c",
        "sip:a@[2001:db8::7]",
        "sip:a@1.1.1.01",
        "sip:a@b:5060",
        "sip:b",
        "sip:a@" + "h" * 128,
        "sip:" + "u" * 200 + "@c",
    ]
)
_CONTACTS = st.sampled_from(
    [
        "<sip:a@198.51.100.7:5060;ob>",
        "<sip:a@198.51.100.7:5060>;expires=0",
        "*",
        "<null>",
        "",
        "x",
        '"\\\x01" <sip:a@b>',
        '<sip:a@[2001:db8::7]>;+sip.instance="<urn:uuid:A>";reg-id=1',
        "<sip:a@b>, <sip:c@d>",
        "<sip:a@b>;expires=x",
        "é",
    ]
).map(_hex)
_DIGITS = st.sampled_from(["", "0", "zz", "00", "6f6e 65", "6F6E65", None]) | st.sampled_from(["a@b", "a b"]).map(_hex)
_TAGS = st.sampled_from(["<sip:a@198.51.100.9>", "198.51.100.9", "<null>", "h.example", "<", ""]).map(_hex)
_OPTIONS = st.sampled_from([TAG, "path", f"path, {TAG}", "<null>", "a b", ""]).map(_hex)
_BINDING = st.fixed_dictionaries(
    {
        "contact": _URIS,
        "received": _TEXTS,
        "expires": _NUMBERS,
        "call_id": _TEXTS,
        "cseq": _NUMBERS,
        "instance": _TEXTS | st.just("<urn:uuid:A>"),
    }
)
#: Of each key, other values than the usual one.
_VALUES: dict[str, st.SearchStrategy[object]] = {
    "before": st.lists(_BINDING, max_size=2) | st.none(),
    "event": st.sampled_from(["expired", "request", None]),
    "aor": _AORS | _TEXTS,
    "expires": _NUMBERS,
    "rc": _NUMBERS,
    "v": st.sampled_from([2, "1", None]),
    "time": _TIMES,
    "src_ip": _ADDRESSES,
    "src_port": _NUMBERS,
    "transport": _TEXTS | st.just("TLS"),
    "local_ip": _ADDRESSES,
    "auth_user": _TEXTS,
    "auth_realm": _TEXTS,
    "qop": st.sampled_from(["auth", "auth-int", "x", "", None]),
    "call_id_hex": _DIGITS,
    "cseq": _NUMBERS,
    "contact_hex": st.lists(_CONTACTS | _DIGITS, max_size=2),
    "tag_hex": st.lists(_TAGS | _DIGITS, max_size=2),
    "require_hex": st.lists(_OPTIONS | _DIGITS, max_size=2),
    "content_type_hex": _DIGITS,
    "body_hex": _DIGITS,
    "user_agent_hex": _DIGITS,
}
_OTHERS = st.dictionaries(st.sampled_from(sorted(_VALUES)), st.none(), max_size=3).flatmap(
    lambda chosen: st.fixed_dictionaries({key: _VALUES[key] for key in chosen})
)
_PATCHES = st.lists(
    st.tuples(st.integers(0, 900), st.sampled_from(["", ",", "0", "1", '"', "}", " ", "\\", "a"])), max_size=2
)


@given(st.sampled_from(recorded()), _OTHERS)
def test_values_are_read_alike(line: bytes, others: dict[str, object]) -> None:
    check_event(json.dumps({**json.loads(line), **others}, separators=(",", ":")).encode())
    check_event(json.dumps({**json.loads(line), **others}, separators=(",", ":"), ensure_ascii=False).encode())


@pytest.mark.parametrize("key", ["expires", "rc", "src_port", "cseq", "time"])
def test_numbers_are_read_alike(key: str) -> None:
    for number in _NUMBERS_SAID:
        for line in recorded():
            event = json.loads(line)
            check_event(json.dumps({**event, key: number}, separators=(",", ":")).encode())
            before = [{**binding, key: number} for binding in event["before"] if key in binding]
            check_event(json.dumps({**event, "before": before}, separators=(",", ":")).encode())


@given(st.sampled_from(recorded()), _PATCHES)
@example(b'{"before":[],"event":"register"}', [])
def test_a_line_that_is_changed_is_read_alike(line: bytes, patches: list[tuple[int, str]]) -> None:
    """A byte in the place of another, or less, or more."""
    text = line.decode()
    for at, put in patches:
        text = text[:at] + put + text[at + 1 :]
        check_event(text.encode())
        check_event((text[:at] + put + text[at:]).encode())


@pytest.mark.parametrize("behind", [b"", b" ", b"\r", b"\t \r"])
def test_white_space_behind_the_object(behind: bytes) -> None:
    taken = [check_event(line + behind) for line in recorded()]
    assert taken == [check_event(line) for line in recorded()]
    assert not any(check_event(line + b"\x0b") or check_event(line + b"x") for line in recorded())


def test_a_phone_cannot_write_a_key() -> None:
    """A quote within a value comes escaped, or it ends the object: neither is plain."""
    (line,) = [line for line in recorded() if check_event(line) is not None][:1]
    for text in (b'x","rc":1,"aor":"sip:mallory@example.com', b'x\\","rc":1,"aor":"y'):
        assert check_event(line.replace(b'"auth_user":"', b'"auth_user":"' + text)) is None
