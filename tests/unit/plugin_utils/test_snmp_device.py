# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A step over SNMP with an agent that answers on cue. tests/kernel/snmp has real ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Change, Entry
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.snmp import IF_NAME, NAT, ROUTE, SERIAL
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.varbinds import Varbind
from ansible_collections.sipmobility.handover.plugins.plugin_utils import snmp_device
from ansible_collections.sipmobility.handover.plugins.plugin_utils.lazy_snmp_session import LazySnmpSession
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter
from ansible_collections.sipmobility.handover.plugins.plugin_utils.snmp_device import NO_ANSWER, Refusal, snmp_router
from ansible_collections.sipmobility.handover.plugins.plugin_utils.snmp_login import login_of

from ..mobility.worlds import NOW
from ..platforms.test_snmp import DECODER, ENCODER, LINKS, MARK, PLATFORM, RENDERER, agent
from ..platforms.test_snmp import ROUTE as TO_OLD

CACHE = "1.3.6.1.4.1.8072.1.5.3.1.3.1.3.6.1.2.1.4.24.7"


class Scripted:
    """An agent that does each SET, unless it is told what to do with it. A stand-in.

    :param says: for each SET of rows in turn, what becomes of it: done where there is nothing left.
    :param scalars: single objects that it has.
    """

    def __init__(self, *says: Refusal | str | None, scalars: Sequence[str] = ()) -> None:
        self.rows: list[str] = []
        self.sets: list[list[Varbind]] = []
        self.serial = 41
        self._says = list(says)
        self._scalars = list(scalars)
        self.before_walk: Callable[[], object] = lambda: None

    def get(self, oids: Sequence[str]) -> list[Varbind]:
        known = {line.split()[0]: Varbind(*line.split()) for line in self.rows}
        known.update({oid: Varbind(oid, "i", str(self.serial)) for oid in self._scalars})
        return [known[oid] for oid in oids if oid in known]

    def walk(self, below: str) -> list[Varbind]:
        self.before_walk()
        names = [f"{IF_NAME}.{index} x {name.encode().hex()}" for name, index in LINKS.items()]
        return [Varbind(*line.split()) for line in [*names, *self.rows] if line.startswith(f"{below}.")]

    def set(self, varbinds: Sequence[Varbind]) -> Refusal | None:
        self.sets.append(list(varbinds))
        rows = [item for item in varbinds if item.oid.startswith((NAT, ROUTE))]
        says = self._says.pop(0) if rows and self._says else None
        if isinstance(says, Refusal):
            return says
        self.rows = agent("\n".join(map(str, rows)), self.rows)
        self.serial += 1
        return Refusal(NO_ANSWER, 0) if says == "lost" else None

    def close(self) -> None:
        self.sets.append([])


def router(agent: Scripted) -> ManagedRouter:
    return snmp_router("rb", PLATFORM, RENDERER, agent, "wan")


def put(agent: Scripted, *entries: Entry) -> RouterState:
    return router(agent).apply(Change(put=entries), RouterState(), NOW)


def refusal(agent: Scripted, *entries: Entry) -> HandoverError:
    with pytest.raises(HandoverError) as told:
        put(agent, *entries)
    return told.value


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snmp_device, "LATE", (0.001, 0.001))


def test_a_step_is_one_set_with_numbers_for_names() -> None:
    held = Scripted()
    assert put(held, DECODER, MARK, TO_OLD) == RouterState([DECODER, MARK, TO_OLD])
    (only,) = held.sets
    assert not [item for item in only if "[" in item.oid or "[" in item.value]
    assert {item.oid.split(".")[-2] for item in only if item.oid.startswith(NAT)} == {str(LINKS["wan"])}
    assert [item.value for item in only if item.oid.startswith(f"{ROUTE}.7.")] == [str(LINKS["lan"])]


def test_a_serial_number_goes_with_each_set() -> None:
    held = Scripted(scalars=[SERIAL])
    put(held, ENCODER)
    assert held.sets[0][0] == Varbind(SERIAL, "i", "41")


def test_a_serial_number_that_somebody_else_took() -> None:
    told = refusal(Scripted(Refusal("inconsistentValue", 1), scalars=[SERIAL]), ENCODER)
    assert (told.code, "The router is unchanged." in told.advice) == ("router_changed", True)


def test_a_serial_number_that_cannot_be_set_is_left_out() -> None:
    held = Scripted(Refusal("wrongLength", 1), scalars=[SERIAL])
    assert put(held, ENCODER) == RouterState([ENCODER])
    assert [len(one) for one in held.sets] == [13, 12]


def test_an_answer_that_is_lost_and_one_that_never_came() -> None:
    assert put(Scripted("lost"), ENCODER) == RouterState([ENCODER])
    told = refusal(Scripted(Refusal(NO_ANSWER, 0)), ENCODER)
    assert (told.code, "The router is unchanged." in told.advice) == ("no_answer", True)


def test_a_set_that_is_done_late() -> None:
    """It was on its way when the router was read."""
    held = Scripted(Refusal(NO_ANSWER, 0))
    walks = iter(range(100))

    def late() -> None:
        if next(walks) == 3:  # of the third look, after that for the interfaces' names
            held.rows = agent("\n".join(map(str, held.sets[0])))

    held.before_walk = late
    assert put(held, ENCODER) == RouterState([ENCODER])


def test_a_step_that_is_too_big_goes_in_parts() -> None:
    big = Refusal("tooBig", 0)
    held = Scripted(big)
    assert put(held, ENCODER, DECODER, MARK) == RouterState([ENCODER, DECODER, MARK])
    assert [len(one) for one in held.sets] == [36, 12, 24] or [len(one) for one in held.sets] == [36, 12, 12, 12]
    told = refusal(Scripted(big, big), ENCODER)
    assert told.code == "table_full"


def test_a_part_that_is_refused_has_the_others_taken_back() -> None:
    held = Scripted(Refusal("tooBig", 0), None, Refusal("resourceUnavailable", 12))
    told = refusal(held, ENCODER, DECODER)
    assert (told.code, told.subject.startswith(f"rb: resourceUnavailable at {NAT}.21.")) == ("table_full", True)
    assert told.advice.endswith("The router was put back.")
    assert held.rows == []


def test_net_snmp_reads_its_routes_before_and_after_it_is_told_one() -> None:
    held = Scripted(scalars=[CACHE])
    put(held, TO_OLD)
    assert [one[0].oid == CACHE for one in held.sets] == [True, False, True]
    others = Scripted(scalars=[CACHE])
    put(others, ENCODER)
    assert [one[0].oid == CACHE for one in others.sets] == [False]


def test_an_interface_that_the_router_does_not_have() -> None:
    with pytest.raises(HandoverError, match=r"no_such_interface.*rb: dsl0"):
        snmp_router("rb", PLATFORM, RENDERER, Scripted(), "dsl0").gather()


KEYS = {"handover_snmp_auth_key": "authentic-secret", "handover_snmp_privacy_key": "private-secret"}


def test_a_login_from_the_inventory() -> None:
    given = {"ansible_host": "198.51.100.1", "handover_snmp_user": "operator", "handover_snmp_port": "1161", **KEYS}
    login = login_of("rb", given)
    assert (login.host, login.port, login.auth, login.privacy) == ("198.51.100.1", 1161, "sha256", "aes128")
    assert login_of("rb", {**given, "handover_snmp_host": "198.51.100.9"}).host == "198.51.100.9"
    assert login_of("rb", {"handover_snmp_user": "operator", **KEYS}).host == "rb"
    assert "secret" not in repr(login)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"handover_snmp_user": None}, "bad_login"),
        ({"handover_snmp_auth_key": "secret"}, "bad_login"),
        ({"handover_snmp_privacy_key": None}, "bad_login"),
        ({"handover_snmp_auth": "md5"}, "bad_login"),
        ({"handover_snmp_privacy": "des"}, "bad_login"),
        ({"handover_snmp_port": "snmp"}, "bad_login"),
        ({"handover_snmp_community": "my-secret"}, "plain_snmp"),
        ({"handover_snmp_community": "my-secret", "handover_snmp_allow_v2c": False}, "plain_snmp"),
    ],
)
def test_a_login_that_is_none(changes: dict[str, object], code: str) -> None:
    with pytest.raises(HandoverError) as told:
        login_of("rb", {"handover_snmp_user": "operator", **KEYS, **changes})
    assert told.value.code == code
    assert "secret" not in str(told.value)


def test_nothing_is_opened_before_it_is_needed_and_a_community_is_warned_of() -> None:
    pytest.importorskip("pysnmp")
    warnings: list[str] = []
    given = {"handover_snmp_community": "my-secret", "handover_snmp_allow_v2c": True, "handover_snmp_retries": 0}
    given.update(handover_snmp_timeout=0.01, handover_snmp_host="127.0.0.1", handover_snmp_port=9)
    session = LazySnmpSession(lambda: login_of("rb", given), warnings.append)
    rendered = snmp_router("rb", PLATFORM, RENDERER, session, "wan")
    assert rendered.text(Change(put=(ENCODER,)), NOW)
    assert not warnings
    with pytest.raises(HandoverError, match="router_unreachable"):
        rendered.gather()
    rendered.close()
    assert len(warnings) == 1
    assert "secret" not in warnings[0]
