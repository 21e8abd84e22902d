# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RFC 4475, the torture messages: what is valid is read, what is invalid is refused with its code."""

from __future__ import annotations

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.message import parse_message

from .torture import INVALID, VALID, WSINV, request


@pytest.mark.parametrize("name", VALID)
def test_valid(name: str) -> None:
    assert parse_message(VALID[name]).call_id


@pytest.mark.parametrize("name", INVALID)
def test_invalid(name: str) -> None:
    code, data = INVALID[name]
    with pytest.raises(HandoverError) as caught:
        parse_message(data)
    assert caught.value.code in (code, "bad_address" if code == "bad_uri" else code)


def test_wsinv_means_what_it_says() -> None:
    found = parse_message(WSINV)
    assert (found.cseq.number, found.content_length, found.body) == (9, 5, b"v=0\r\n")
    assert found.to.param("tag") == "1918181833n"
    assert found.from_.display == 'J Rosenberg \\"'
    assert [via.transport for via in found.vias] == ["udp", "tcp", "udp"]
    assert dict(found.contacts[0].params) == {"newparam": "newvalue", "secondparam": None, "q": "0.33"}
    assert found.values("subject") == [""]


def test_intmeth_means_what_it_says() -> None:
    found = parse_message(VALID["3.1.1.2 intmeth"])
    assert found.uri is not None
    assert found.uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert found.to.display == "BEL:\x07 NUL:\x00 DEL:\x7f"


def test_dblreq_is_one_register() -> None:
    assert parse_message(VALID["3.1.1.8 dblreq"]) == parse_message(request("REGISTER"))


def test_cparam_belongs_to_the_header_or_to_the_uri() -> None:
    header = parse_message(VALID["3.3.12 cparam01"]).contacts[0]
    uri = parse_message(VALID["3.3.13 cparam02"]).contacts[0]
    assert (header.params, header.uri.params) == ((("unknownparam", None),), ())
    assert (uri.params, uri.uri.params) == ((), (("unknownparam", None),))
