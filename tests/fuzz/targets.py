# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is fuzzed, and what must hold for any input: nothing but our error, a documented code, the same in any chunks.

A new source format becomes a target by standing in FORMATS. What breaks here for one input is kept in
``findings/TARGET/`` and tried again by every run of the unit tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.sip import header, message, name_addr, uri
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import CODES, Refusal
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import AUTO, FORMATS, open_source
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.lines import Position
from tests.unit.sip.messages import line, register
from tests.unit.sip.plainly import check, check_event
from tests.unit.sip.torture import INVALID, IPV6_INVALID, IPV6_VALID, VALID

__all__ = ["FINDINGS", "SECONDS_PER_INPUT", "TARGETS", "Target", "seeds"]

Target = Callable[[bytes], None]

FINDINGS = Path(__file__).parent / "findings"
#: An input of 64 KiB takes a fraction of this; one that takes longer is a hang.
SECONDS_PER_INPUT = 5

_FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
_LARGEST_SEED = 64 * 1024

#: Every function that reads one value, by the name of its header.
_VALUES: dict[str, Callable[[str], object]] = {
    "call-id": header.parse_call_id,
    "credentials": header.parse_credentials,
    "cseq": header.parse_cseq,
    "date": header.parse_date,
    "expires": header.parse_expires,
    "old-addresses": header.parse_old_addresses,
    "option-tags": header.parse_option_tags,
    "via": header.parse_via,
}


def _refusals_are_ours(read: Callable[[], object]) -> str:
    """The code of the refusal, or the empty string; any other exception gets out."""
    code = ""
    try:
        read()
    except HandoverError as error:
        code = error.code
    assert code in ("", *CODES), f"{code} is not documented"
    return code


def _message(data: bytes) -> None:
    for bare_lf in (False, True):
        _refusals_are_ours(lambda ending=bare_lf: message.parse_message(data, ending))  # type: ignore[misc]
        end = b"\n" if bare_lf else b"\r\n"
        check(data.partition(end * 2)[0] + end, bare_lf)


def _values(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    for parse in _VALUES.values():
        _refusals_are_ours(lambda reader=parse: reader(text))  # type: ignore[misc]


def _name_addr(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    one = _refusals_are_ours(lambda: name_addr.parse_name_addr(text, "Contact"))
    several = _refusals_are_ours(lambda: name_addr.parse_name_addrs(text, "Contact"))
    assert not several or one, "one address that is no list of one"


def _uri(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    if _refusals_are_ours(lambda: uri.parse_uri(text)):
        return
    found = uri.parse_uri(text)
    assert found.address is None or str(found.address) == found.host
    canonical = uri.address_of_record(found)
    if found.is_sip:
        assert uri.address_of_record(uri.parse_uri(canonical)) == canonical, "an AOR is its own AOR"


def _event(data: bytes) -> None:
    check_event(data)


def _source(name: str) -> Target:
    def target(data: bytes) -> None:
        # The first byte says how the rest is cut: nothing of what is found may depend on that.
        size = data[0] + 1 if data else 1
        whole, cut = Position(), Position()
        found = list(open_source(name, [data[1:]], "fuzz", whole)[1])
        chunks = (data[start : start + size] for start in range(1, len(data), size))
        assert list(open_source(name, chunks, "fuzz", cut)[1]) == found, f"chunks of {size} bytes"
        assert whole == cut
        assert all(item.code in CODES for item in found if isinstance(item, Refusal))

    return target


#: Name of a target, and what takes its inputs.
TARGETS: dict[str, Target] = {
    "message": _message,
    "values": _values,
    "name_addr": _name_addr,
    "uri": _uri,
    "event": _event,
    **{f"source_{name}": _source(name) for name in (AUTO, *sorted(FORMATS))},
}


def seeds(name: str) -> Iterator[bytes]:
    """Inputs that a target begins with: recorded ones, the torture messages, the patent's REGISTER."""
    torture = [
        *VALID.values(),
        *(data for _code, data in INVALID.values()),
        *IPV6_VALID.values(),
        *IPV6_INVALID.values(),
    ]
    if name == "message":
        yield from [register(), *torture]
    elif name == "event":
        for path in sorted(_FIXTURES.glob("kamailio/*.jsonl")):
            yield from path.read_bytes().splitlines()
    elif name in ("values", "name_addr", "uri"):
        for data in [register(), *torture]:
            for found in data.split(b"\r\n")[1:]:
                value = found.partition(b":")[2].strip()
                yield from [value, value.partition(b"<")[2].partition(b">")[0]] if name == "uri" else [value]
    else:
        # Chunks of 64 bytes: see _source.
        yield from (b"\x3f" + data for data in [register(), line(), register() * 2, line() * 2])
        for path in sorted(_FIXTURES.rglob("*")):
            if path.is_file() and path.stat().st_size < _LARGEST_SEED:
                yield b"\x3f" + path.read_bytes()
    for path in sorted((FINDINGS / name).glob("*")):
        yield path.read_bytes()
