# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Admission: whether a registration may point an address's traffic elsewhere (design rule 11).

Rules are asked in the order in which they stand: first whether the message
states one pair at all (these hold without a policy, too), then who says so, then
when, then which addresses, then whose the old address was (``ownership_rules``).
The first that is broken is the refusal.
"""

from __future__ import annotations

from functools import cache
from ipaddress import ip_network
from typing import Iterator, List, Optional, Tuple

from ..sip.uri import canonical_user
from .claim import Claim, Context, lifetime_of, moment_of
from .model import Address
from .ownership_rules import OWNERSHIP_RULES
from .prefixes import Prefixes
from .rule import Rule, collector
from .seen import of_aor

__all__ = ["CODES", "GROUPS", "RULES", "Rule", "broken_rule", "is_one_hosts", "no_fact", "verdicts"]

#: The groups of rules, in the order in which they are asked. Without a policy only the first is.
GROUPS = ("form", "identity", "time", "addresses", "ownership")

#: Transports that keep a REGISTER from being altered on its way: digest covers neither Contact nor our header.
SECURE_TRANSPORTS = frozenset(("tls", "wss", "dtls"))

#: What no host has: to ask an IPv6 address itself whether it is reserved takes fifteen comparisons.
_NO_HOSTS = Prefixes(
    {
        ip_network(text): True
        for text in (
            "0.0.0.0/8 127.0.0.0/8 169.254.0.0/16 224.0.0.0/4 240.0.0.0/4 "  # with the limited broadcast
            # Mapped, loopback and unspecified are among the first; the last ones are link-local and multicast.
            "::/8 100::/8 200::/7 400::/6 800::/5 1000::/4 4000::/3 6000::/3 8000::/3 a000::/3 c000::/3 e000::/4 "
            "f000::/5 f800::/6 fe00::/9 fe80::/10 ff00::/8"
        ).split()
    }
)

_RULES: List[Rule] = []
_rule = collector(_RULES)


def broken_rule(claim: Claim, context: Context, groups: Tuple[str, ...]) -> Optional[Tuple[Rule, str]]:
    """The first rule of these groups that the claim breaks, and why."""
    for rule in _asked(groups, claim.registration.removes):
        why = rule.broken(claim, context)
        if why is not None:
            return rule, why
    return None


def verdicts(claim: Claim, context: Context, groups: Tuple[str, ...]) -> Iterator[Tuple[Rule, Optional[str]]]:
    """Every rule of these groups that binds the claim, with why it is broken, or None where it holds."""
    for rule in _asked(groups, claim.registration.removes):
        yield rule, rule.broken(claim, context)


def is_one_hosts(address: Address) -> bool:
    """Whether an address can be one host's on a network: not loopback, multicast, link-local, reserved, unspecified."""
    return _NO_HOSTS.longest(address) is None


def no_fact(claim: Claim, context: Context) -> bool:
    """Whether a registration teaches nothing: its sender is not who he says, or it is not fresh."""
    return any(rule.broken(claim, context) is not None for rule in _FACTS)


@cache
def _asked(groups: Tuple[str, ...], removes: bool) -> Tuple[Rule, ...]:
    return tuple(rule for rule in RULES if rule.group in groups and (rule.removal or not removes))


# Form: is there one pair at all?


@_rule("form", "The old address is sent without the option tag in Require.", removal=True)
def tag_without_require(claim: Claim, _context: Context) -> Optional[str]:
    half = claim.registration.half_tagged and not claim.registration.tag_required
    return "the old address is there, the option tag in Require is not" if half else None


@_rule("form", "The option tag is required, but no old address is sent.", removal=True)
def require_without_tag(claim: Claim, _context: Context) -> Optional[str]:
    half = claim.registration.half_tagged and claim.registration.tag_required
    return "Require names the option tag, the header with the old address is not there" if half else None


@_rule("form", "More than one old address.", removal=True)
def several_old_addresses(claim: Claim, _context: Context) -> Optional[str]:
    hosts = claim.registration.old_hosts
    return f"{len(hosts)} old addresses: {', '.join(hosts)}"[:200] if len(hosts) > 1 else None


@_rule("form", "The old address is a hostname.", removal=True)
def old_not_ip_literal(claim: Claim, _context: Context) -> Optional[str]:
    hosts = claim.registration.old_hosts
    return f"the old address is the name {hosts[0]}" if len(hosts) == 1 and claim.old is None else None


@_rule("form", "A tagged registration without Contact.")
def no_contact(claim: Claim, _context: Context) -> Optional[str]:
    return None if claim.contacts else "there is no Contact to move to"


@_rule("form", "A Contact has a hostname, or no host.")
def new_not_ip_literal(claim: Claim, _context: Context) -> Optional[str]:
    names = [contact.host_text for contact in claim.contacts if contact.host is None]
    return f"a Contact's host is {names[0] or 'none'}" if names else None


@_rule("form", "The Contacts are at more than one host.")
def contacts_differ(claim: Claim, _context: Context) -> Optional[str]:
    hosts = sorted({contact.host_text for contact in claim.contacts})
    return f"Contacts at {', '.join(hosts)}"[:200] if len(hosts) > 1 else None


@_rule("form", "Old and new address are not of one family.", needs=("old", "new"))
def families_differ(claim: Claim, _context: Context) -> Optional[str]:
    if claim.old is None or claim.new is None or claim.old.version == claim.new.version:
        return None
    return f"{claim.old} and {claim.new} are not of one family"


# Identity: who says so?


@_rule("identity", "The server did not authenticate the sender.", removal=True, fact=True)
def not_authenticated(claim: Claim, context: Context) -> Optional[str]:
    if not context.policy.require_authentication or claim.registration.authenticated_user is not None:
        return None
    return "no authenticated user"


@_rule("identity", "The authenticated user does not own the address of record.", removal=True, fact=True)
def not_owner(claim: Claim, context: Context) -> Optional[str]:
    who = claim.registration.authenticated_user
    if who is None:
        return None  # refused before, or waived by the policy
    aor = claim.registration.aor
    scheme, _colon, rest = aor.partition(":")
    user, _at, domain = rest.rpartition("@")
    if scheme not in ("sip", "sips") or not user:
        return f"{aor} has no user and domain to own"
    realm = claim.registration.authenticated_realm or ""
    # Some phones put user@domain in the digest user name.
    name, at, name_domain = who.partition("@")
    if canonical_user(name) != user or (at and name_domain.lower() != domain):
        return f"{who} authenticated, {aor} registered"
    return (
        None if domain in context.policy.domains_of(realm) else f"realm {realm or 'none'} does not vouch for {domain}"
    )


@_rule("identity", "The REGISTER came over a transport on which it could be altered.", removal=True, fact=True)
def transport_not_secure(claim: Claim, context: Context) -> Optional[str]:
    if not context.policy.require_secure_transport or claim.registration.transport in SECURE_TRANSPORTS:
        return None
    return f"it came over {claim.registration.transport or 'an unknown transport'}"


# Time: is it fresh?


@_rule("time", "The input does not say when the REGISTER came.", removal=True, fact=True)
def no_time(claim: Claim, context: Context) -> Optional[str]:
    if context.policy.max_age_seconds == 0 or claim.registration.received_at is not None:
        return None
    return "the input does not say when it came"


@_rule("time", "The event is older than the policy allows.", removal=True)
def too_old(claim: Claim, context: Context) -> Optional[str]:
    came = claim.registration.received_at
    if came is None or context.policy.max_age_seconds == 0 or context.now - came <= context.policy.max_age_seconds:
        return None
    return f"it came {context.now - came:.0f} s ago"


@_rule("time", "The event's time lies ahead of this machine's clock.", removal=True, fact=True)
def from_the_future(claim: Claim, context: Context) -> Optional[str]:
    came = claim.registration.received_at
    if came is None or came - context.now <= context.policy.max_clock_skew_seconds:
        return None
    return f"its time is {came - context.now:.0f} s ahead"


@_rule("time", "The registration is over already.")
def binding_expired(claim: Claim, context: Context) -> Optional[str]:
    came = claim.registration.received_at
    lifetime = lifetime_of(claim.registration, context.policy)
    if came is None or came + lifetime > context.now:
        return None
    return f"its {lifetime} s are over"


@_rule("time", "The same Call-ID and CSeq came before.", removal=True, fact=True)
def replayed(claim: Claim, context: Context) -> Optional[str]:
    highest, cseq = context.seen.cseq(claim.registration), claim.registration.cseq
    same = cseq is not None and highest == cseq
    return f"Call-ID {claim.registration.call_id:.80} CSeq {claim.registration.cseq} came before" if same else None


@_rule("time", "A higher CSeq of this Call-ID came before.", removal=True, fact=True)
def cseq_not_rising(claim: Claim, context: Context) -> Optional[str]:
    highest = context.seen.cseq(claim.registration)
    cseq = claim.registration.cseq
    if highest is None or cseq is None or cseq >= highest:
        return None
    return f"CSeq {cseq} after {highest}"


@_rule("time", "Too many tagged registrations of one address of record.", removal=True)
def too_many(claim: Claim, context: Context) -> Optional[str]:
    moment = moment_of(claim.registration, context.now)
    count = context.seen.count(of_aor(claim.registration.aor), moment - context.policy.rate_window_seconds)
    if count < context.policy.max_registrations_per_aor:
        return None
    return f"{count} tagged registrations of {claim.registration.aor} in {context.policy.rate_window_seconds} s"


# Addresses: may these two be a pair?


@_rule("addresses", "The input does not have the packet's source address.")
def source_unknown(claim: Claim, context: Context) -> Optional[str]:
    if not context.policy.require_packet_source or claim.registration.source_address is not None:
        return None
    return "the input does not have the packet's source"


@_rule("addresses", "The new address is not the packet's source.", needs=("new",))
def new_not_source(claim: Claim, context: Context) -> Optional[str]:
    source = claim.registration.source_address
    if not context.policy.require_packet_source or source is None or source == claim.new:
        return None
    return f"Contact {claim.new}, packet from {source}"


@_rule("addresses", "An address is loopback, link-local, multicast, broadcast, reserved or unspecified.")
def special_address(claim: Claim, _context: Context) -> Optional[str]:
    for name, address in claim.addresses:
        if not is_one_hosts(address):
            return f"{name} address {address} is not one host's"
    return None


@_rule("addresses", "An address is the network or broadcast address of a managed network.")
def network_address(claim: Claim, context: Context) -> Optional[str]:
    for name, address in claim.addresses:
        network = context.policy.prefix_of(address)
        if network is None or network.num_addresses <= 2:  # point-to-point: RFC 3021, RFC 6164
            continue
        # The first IPv6 address of a subnet is its routers' anycast address (RFC 4291 section 2.6.1).
        if address == network.network_address or (address.version == 4 and address == network.broadcast_address):
            return f"{name} address {address} is the network or broadcast address of {network}"
    return None


@_rule("addresses", "An address belongs to a router, server or gateway.")
def infrastructure_address(claim: Claim, context: Context) -> Optional[str]:
    for name, address in claim.addresses:
        if context.policy.is_infrastructure(address) or address == claim.registration.server_address:
            return f"{name} address {address} belongs to the infrastructure"
    return None


@_rule("addresses", "The new address lies in no managed network.", needs=("new",))
def new_not_managed(claim: Claim, context: Context) -> Optional[str]:
    if claim.new is None or context.policy.prefix_of(claim.new) is not None:
        return None
    return f"new address {claim.new} is in no managed network"


@_rule("addresses", "The old address lies in no managed network.", needs=("old",))
def old_not_managed(claim: Claim, context: Context) -> Optional[str]:
    if claim.old is None or context.policy.prefix_of(claim.old) is not None:
        return None
    return f"old address {claim.old} is in no managed network"


#: Every rule, in order.
RULES: Tuple[Rule, ...] = (*_RULES, *OWNERSHIP_RULES)

_FACTS = tuple(rule for rule in RULES if rule.fact)

#: Code of every refusal of admission, and what it means.
CODES = {rule.code: rule.meaning for rule in RULES}
