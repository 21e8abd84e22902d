# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RFC 3261: what of its grammar is read, section by section."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.header import (
    parse_call_id,
    parse_credentials,
    parse_cseq,
    parse_date,
    parse_old_addresses,
    parse_option_tags,
    parse_via,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.message import (
    MAX_HEADERS,
    MAX_MESSAGE,
    parse_message,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.name_addr import (
    parse_name_addr,
    parse_name_addrs,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.uri import address_of_record, parse_uri

from .messages import REGISTER, TAG, changed, message, register


def refused(data: bytes, bare_lf: bool = False) -> str:
    """The code with which a message is refused."""
    with pytest.raises(HandoverError) as caught:
        parse_message(data, bare_lf)
    return caught.value.code


def test_the_patents_register() -> None:
    found = parse_message(register())
    assert (found.method, found.call_id, found.expires) == ("REGISTER", "843817637684230@998sdasdh09", 3600)
    assert (found.cseq.number, found.cseq.method) == (1826, "REGISTER")
    assert found.contacts[0].display == "LittleGuy"
    assert found.contacts[0].uri.address == ip_address("2.2.2.20")
    assert found.require == (TAG.lower(),)
    assert found.values(TAG) == ["LittleGuy <sip:alice@1.1.1.20>"]


class TestSection7MessageFormat:
    def test_7_3_1_folded_lines_are_one(self) -> None:
        folded = register(contact="LittleGuy\r\n\t <sip:alice@2.2.2.20>", tag="LittleGuy\r\n  <sip:alice@1.1.1.20>")
        assert parse_message(folded).contacts == parse_message(register()).contacts
        assert parse_message(folded).values(TAG) == parse_message(register()).values(TAG)

    def test_7_3_1_white_space_may_stand_before_the_colon(self) -> None:
        assert parse_message(register().replace(b"Contact:", b"CONTACT \t :")) == parse_message(register())

    def test_7_3_3_compact_forms(self) -> None:
        compact = register()
        for long, short in ((b"Via", b"v"), (b"From", b"f"), (b"To", b"t"), (b"Call-ID", b"i"), (b"Contact", b"m")):
            compact = compact.replace(b"\r\n" + long + b":", b"\r\n" + short + b":")
        assert b"Contact" not in compact
        assert parse_message(compact) == parse_message(register())

    def test_7_3_1_several_contacts_on_lines_and_in_lists_are_equal(self) -> None:
        a, b, c = '"a, b" <sip:a@2.2.2.20>', "<sip:b@2.2.2.20;x=1,2?y=,>".replace(",", "%2C"), "sip:c@2.2.2.20;q=0.5"
        together = parse_message(register(contact=f"{a} , {b},{c}")).contacts
        apart = message([*changed(REGISTER, contact=a), ("m", b), ("Contact", c)])
        assert parse_message(apart).contacts == together
        assert [contact.uri.user for contact in together] == ["a", "b", "c"]

    def test_7_5_empty_lines_before_the_start_line_are_dropped(self) -> None:
        assert parse_message(b"\r\n\r\n" + register()) == parse_message(register())

    @pytest.mark.parametrize("name", ["Call-ID", "CSeq", "From", "To", "Expires", "Content-Length", "Max-Forwards"])
    def test_7_3_1_a_single_header_stands_once(self, name: str) -> None:
        value = dict(REGISTER)[name]
        assert refused(message([*REGISTER, (name, value)])) == "duplicate_header"

    def test_7_3_1_the_first_of_several_duplicates_is_named(self) -> None:
        with pytest.raises(HandoverError, match="to stands once"):
            parse_message(message([("To", "sip:a@b"), *REGISTER, ("Expires", "1"), ("CSeq", "1 REGISTER")]))

    def test_a_compact_second_header_is_a_second_header(self) -> None:
        assert refused(message([*REGISTER, ("i", "other@host")])) == "duplicate_header"

    @pytest.mark.parametrize("name", ["via", "from", "to", "call_id", "cseq"])
    def test_8_1_1_a_mandatory_header_is_there(self, name: str) -> None:
        assert refused(register(**{name: None})) == "missing_header"


class TestSmuggling:
    """Where two readers could see two messages, there is none."""

    @pytest.mark.parametrize(
        ("value", "code"),
        [
            ("x\rContact: <sip:mallory@6.6.6.6>", "bad_line_ending"),
            ("x\nContact: <sip:mallory@6.6.6.6>", "bad_line_ending"),
            ("x\x00", "control_character"),
            ("x\x0b", "control_character"),
            ("x\x7f", "control_character"),
        ],
    )
    def test_in_any_header(self, value: str, code: str) -> None:
        assert refused(message([("Subject", value), *REGISTER])) == code

    @pytest.mark.parametrize("char", ["\x00", "\x07", "\x1f", "\x7f"])
    def test_a_control_character_hides_only_behind_a_backslash_in_quotes(self, char: str) -> None:
        assert parse_message(register(to=f'"a\\{char}" <sip:alice@example.com>')).to.uri.user == "alice"
        assert refused(register(to=f'"a\\\\{char}" <sip:alice@example.com>')) == "bad_address"
        assert refused(register(to=f"a\\{char} <sip:alice@example.com>")) in ("bad_address", "bad_uri")
        assert refused(register(tag=f'"a\\{char}" <sip:alice@1.1.1.20>')) == "control_character"

    def test_a_line_that_is_no_header(self) -> None:
        assert refused(register().replace(b"Require:", b"Require")) == "bad_header"
        assert refused(register().replace(b"Require:", b"Req uire:")) == "bad_header"
        assert refused(register().replace(b"Require:", b"Req\xc3\xbcire:")) == "bad_header"

    def test_the_body_is_not_read_as_headers(self) -> None:
        inner = f"{TAG}: <sip:alice@9.9.9.9>\r\n\r\n".encode()
        found = parse_message(message(changed(REGISTER, content_length=str(len(inner)))) + inner)
        assert found.values(TAG) == ["LittleGuy <sip:alice@1.1.1.20>"]
        assert found.body == inner

    def test_18_3_what_follows_the_body_is_dropped(self) -> None:
        assert parse_message(register() + b"REGISTER sip:mallory SIP/2.0\r\n\r\n") == parse_message(register())

    def test_the_start_line_is_not_folded(self) -> None:
        assert refused(register().replace(b" SIP/2.0\r\n", b"\r\n SIP/2.0\r\n", 1)) == "bad_start_line"

    def test_lines_end_in_one_way(self) -> None:
        text = register().replace(b"\r\n", b"\n")
        assert parse_message(text, bare_lf=True) == parse_message(register())
        assert refused(text) == "truncated_message"
        assert refused(text.replace(b"Require", b"\rRequire"), bare_lf=True) == "bad_line_ending"
        assert refused(register().replace(b"\r\nRequire", b"\nRequire")) == "bad_line_ending"


class TestBounds:
    def test_every_prefix_of_a_message_is_truncated(self) -> None:
        whole = message(changed(REGISTER, content_length="4"), body=b"body")
        assert parse_message(whole).body == b"body"
        assert {refused(whole[:end]) for end in range(len(whole))} == {"truncated_message"}

    def test_message_size(self) -> None:
        room = MAX_MESSAGE - len(message([*REGISTER, ("Subject", "")]))
        assert parse_message(message([*REGISTER, ("Subject", "x" * room)])).method == "REGISTER"
        assert refused(message([*REGISTER, ("Subject", "x" * (room + 1))]) + b"body") == "message_too_large"
        assert refused(b"x" * (MAX_MESSAGE + 1)) == "message_too_large"

    def test_header_count(self) -> None:
        most = MAX_HEADERS - len(REGISTER)
        assert parse_message(message([*REGISTER, *[("X", "")] * most])).method == "REGISTER"
        assert refused(message([*REGISTER, *[("X", "")] * (most + 1)])) == "too_many_headers"

    @pytest.mark.parametrize(
        ("header", "value"),
        [
            ("cseq", "2147483648 REGISTER"),
            ("cseq", "-1 REGISTER"),
            ("cseq", "\xb2 REGISTER"),
            ("expires", "4294967296"),
            ("expires", "1" * 60000),
            ("expires", "3600.5"),
            ("expires", ""),
            ("max_forwards", "256"),
            ("content_length", "-1"),
            ("content_length", "65536"),
            ("content_length", "0x0"),
            ("contact", "<sip:alice@2.2.2.20:65536>"),
            ("contact", "<sip:alice@2.2.2.20:0>"),
        ],
    )
    def test_numbers(self, header: str, value: str) -> None:
        assert refused(register(**{header: value})) in ("bad_number", "bad_header")

    def test_numbers_at_their_limits(self) -> None:
        found = parse_message(register(cseq="002147483647 REGISTER", expires="4294967295", max_forwards="0"))
        assert (found.cseq.number, found.expires) == (2**31 - 1, 2**32 - 1)


class TestSection19Uris:
    @pytest.mark.parametrize(
        ("text", "aor"),
        [
            ("sip:alice@example.com", "sip:alice@example.com"),
            ("SIPS:alice@EXAMPLE.com", "sips:alice@example.com"),
            ("sip:alice:secret@example.com:5060;transport=tcp?subject=x", "sip:alice@example.com"),
            ("sip:%61lice@example.com", "sip:alice@example.com"),
            ("sip:a%2fb%20c@example.com", "sip:a/b%20c@example.com"),
            ("sip:ALICE@example.com.", "sip:ALICE@example.com"),
            ("sip:alice@[2001:DB8::10]:5070", "sip:alice@[2001:db8::10]"),
            ("sip:example.com", "sip:example.com"),
            ("sip:+1-212-555-1212;phone-context=x@example.com", "sip:+1-212-555-1212;phone-context=x@example.com"),
            ("tel:+12125551212", "tel:+12125551212"),
        ],
    )
    def test_10_3_the_canonical_address_of_record(self, text: str, aor: str) -> None:
        assert address_of_record(parse_uri(text)) == aor

    @pytest.mark.parametrize(
        "text",
        [
            "", "sip:", "sip:@example.com", "sip:alice@", "alice@example.com", "sip:a@b@example.com",
            "sip:alice@exa mple.com", "sip:al%6@example.com", "sip:alice@-example.com", "sip:alice@example-.com",
            "sip:alice@example..com", "sip:alice@1.1.1", "sip:alice@1.1.1.256", "sip:alice@1.1.1.01",
            "sip:alice@1.1.1.1.1", "sip:alice@[1.1.1.1]", "sip:alice@2001:db8::1", "sip:alice@[fe80::1%25eth0]",
            "sip:alice@[2001:db8::1", "sip:alice@example.com;a=1;A=2", "sip:alice@example.com;;a",
            "sip:alice@" + "a." * 130 + "com", "tel:", "1tel:x", "http://%zz",
        ],
    )  # fmt: skip
    def test_what_is_no_uri(self, text: str) -> None:
        with pytest.raises(HandoverError) as caught:
            parse_uri(text)
        assert caught.value.code == "bad_uri"

    def test_parts(self) -> None:
        uri = parse_uri("sip:u:p@[2001:db8::1]:5070;lr;Transport=TLS?h=v")
        assert (uri.user, uri.host, uri.port) == ("u", "2001:db8::1", 5070)
        assert uri.address == ip_address("2001:db8::1")
        assert uri.params == (("lr", None), ("transport", "TLS"))
        assert uri.headers == "h=v"


class TestSection20Addresses:
    def test_20_10_parameters_outside_brackets_belong_to_the_header(self) -> None:
        outside = parse_name_addr("sip:a@host;x=1", "Contact")
        inside = parse_name_addr("<sip:a@host;x=1>", "Contact")
        assert (outside.params, outside.uri.params) == ((("x", "1"),), ())
        assert (inside.params, inside.uri.params) == ((), (("x", "1"),))

    @pytest.mark.parametrize(
        ("text", "display"),
        [
            ('"Mr. \\"J\\" <User>, \\\\" <sip:a@host>', 'Mr. "J" <User>, \\'),
            ("Two  Tokens <sip:a@host>", "Two  Tokens"),
            ("caller<sip:a@host>", "caller"),
            ('""<sip:a@host>', ""),
            ("  <sip:a@host>  ", ""),
        ],
    )
    def test_display_names(self, text: str, display: str) -> None:
        assert parse_name_addr(text, "To").display == display

    def test_parameter_values(self) -> None:
        found = parse_name_addr('<sip:a@host> ; A = "x;, \\"y" ;b;c=[2001:db8::1] ; D=tok', "Contact")
        assert found.params == (("a", 'x;, "y'), ("b", None), ("c", "[2001:db8::1]"), ("d", "tok"))
        assert found.param("a") == 'x;, "y'
        assert found.param("z") is None

    @pytest.mark.parametrize(
        "text",
        [
            "", ",", "<sip:a@host>,", ",<sip:a@host>", "<sip:a@host>,,<sip:b@host>", "<sip:a@host", "sip:a@host>",
            "< sip:a@host>", "<sip:a@host >", '"a <sip:a@host>', 'a" <sip:a@host>', "a, b <sip:a@host>",
            "<sip:a@host>;", "<sip:a@host>;;x", "<sip:a@host>;x=", "<sip:a@host>;x y", "<sip:a@host>;x;X",
            "<sip:a@host> b", "<<sip:a@host>>", "sip:a@host?h=v",
        ],
    )  # fmt: skip
    def test_what_is_no_list_of_addresses(self, text: str) -> None:
        with pytest.raises(HandoverError) as caught:
            parse_name_addrs(text, "Contact")
        assert caught.value.code in ("bad_address", "bad_uri")

    @pytest.mark.parametrize("value", ["af:10", ":", "[", "[1:2", "[x]", "2001:db8::1", "1:.0", "[2001:db8::1%eth0]"])
    def test_25_1_a_parameter_value_is_a_token_a_host_or_a_quoted_string(self, value: str) -> None:
        assert refused(register(contact=f"<sip:a@2.2.2.20>;x={value}")) == "bad_address"
        assert parse_name_addr(f'<sip:a@host>;x="{value}"', "Contact").param("x") == value

    def test_a_display_name_need_not_be_utf_8(self) -> None:
        for name in (b'"Andr\xe9"', '"André"'.encode()):
            data = register().replace(b"To: LittleGuy", b"To: " + name)
            assert parse_message(data).to.uri.user == "alice"

    def test_but_a_uri_is_ascii(self) -> None:
        for user in (b"andr\xe9", "andré".encode()):
            assert refused(register().replace(b"To: LittleGuy <sip:alice", b"To: <sip:" + user)) == "bad_uri"


class TestSection20Others:
    def test_20_16_cseq(self) -> None:
        assert parse_cseq("7 \tREGISTER").method == "REGISTER"
        assert refused(register(cseq="7REGISTER")) == "bad_header"
        assert refused(register(cseq="7 INVITE")) == "method_mismatch"
        assert refused(register(cseq="7 register")) == "method_mismatch"

    @pytest.mark.parametrize("text", ["a@b", "a", "{x}[?]:<y>/\\z", "a-%.!*_+`'~()"])
    def test_20_8_call_id(self, text: str) -> None:
        assert parse_call_id(text) == text

    @pytest.mark.parametrize("text", ["", "a b", "a@b@c", "@b", "a@", "a,b", "caf\xe9"])
    def test_20_8_no_call_id(self, text: str) -> None:
        assert refused(register(call_id=text)) == "bad_header"

    def test_20_32_require(self) -> None:
        assert parse_option_tags("path , Outbound,x") == ["path", "outbound", "x"]
        assert parse_message(message([*REGISTER, ("require", "path")])).require == (TAG.lower(), "path")
        for text in ("", ",", "a,", "a b", '"a"'):
            assert refused(register(require=text)) == "bad_header"

    def test_20_42_via(self) -> None:
        hops = parse_via("SIP / 2.0 / udp host:5060 ;branch=a;x , SIP/2.0/TLS [2001:db8::1] : 7;received=2001:db8::2")
        assert [(hop.transport, hop.host, hop.port) for hop in hops] == [
            ("udp", "host", 5060),
            ("tls", "[2001:db8::1]", 7),
        ]
        for text in ("", "SIP/2.0/UDP", "SIP/2.0 host", "SIP/2.0/UDP host;", "SIP/2.0/UDP host,", "SIP/2.0/UDP h h"):
            assert refused(register(via=text)) == "bad_header"

    def test_20_17_date(self) -> None:
        assert parse_date("Sat, 13 Nov 2010 23:29:00 GMT")
        for text in ("Sat, 13 Nov 2010 23:29:00 EST", "Sam, 13 Nov 2010 23:29:00 GMT", "Sat, 13 Nix 2010 23:29:00 GMT"):
            assert refused(message([*REGISTER, ("Date", text)])) == "bad_header"

    def test_20_7_authorization(self) -> None:
        found = parse_credentials('Digest  username="al\\"ice" , REALM="a, b",nonce=x,uri="sip:h",qop=auth')
        assert (found.scheme, found.username, found.realm) == ("digest", 'al"ice', "a, b")
        assert parse_credentials("Other opaque=1").username is None
        for text in ("Digest", 'Digest username="a', 'Digest username="a" realm="b"', "Digest a=1,A=2", "Digest a=1,"):
            with pytest.raises(HandoverError) as caught:
                parse_credentials(text)
            assert caught.value.code == "bad_header"

    def test_10_2_2_the_asterisk_stands_alone(self) -> None:
        assert parse_message(register(contact="*")).contact_asterisk
        assert refused(message([*REGISTER, ("Contact", "*")])) == "bad_contact"
        assert refused(register(contact="*, <sip:a@host>")) == "bad_uri"


class TestPatentHeader:
    """US 7,082,118: the header that carries the old address, in every form that senders may choose."""

    @pytest.mark.parametrize(
        ("text", "hosts"),
        [
            ("LittleGuy <sip:UserB@1.1.1.1>", ["1.1.1.1"]),
            ('"Little, Guy" <sips:UserB@1.1.1.1:5061;lr>;x=1', ["1.1.1.1"]),
            ("sip:UserB@1.1.1.1", ["1.1.1.1"]),
            ("sip:1.1.1.1", ["1.1.1.1"]),
            ("1.1.1.1", ["1.1.1.1"]),
            ("2001:DB8::1", ["2001:db8::1"]),
            ("[2001:db8::1]", ["2001:db8::1"]),
            ("<sip:[2001:db8::1]>", ["2001:db8::1"]),
            ("1.1.1.1 , <sip:3.3.3.3>,2001:db8::1", ["1.1.1.1", "3.3.3.3", "2001:db8::1"]),
        ],
    )
    def test_forms(self, text: str, hosts: list[str]) -> None:
        assert [address for _host, address in parse_old_addresses(text)] == [ip_address(host) for host in hosts]

    @pytest.mark.parametrize("text", ["host.example.com", "sip:UserB@host.example.com", "<sip:host.example.com>"])
    def test_a_hostname_is_kept_for_the_refusal(self, text: str) -> None:
        assert parse_old_addresses(text) == [("host.example.com", None)]

    @pytest.mark.parametrize(
        "text",
        [
            "", ",", "1.1.1.1,", "1.1.1.1 2.2.2.2", "1.1.1.256", "01.1.1.1", "1.1.1", "1.1.1.1/24", "1.1.1.1:5060",
            "fe80::1%eth0", "[1.1.1.1]", ":::1", "tel:+1", "0x01010101", "16843009", "<1.1.1.1>",
        ],
    )  # fmt: skip
    def test_what_is_refused(self, text: str) -> None:
        with pytest.raises(HandoverError) as caught:
            parse_old_addresses(text)
        assert caught.value.code == "bad_old_address"
