# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transaction over NETCONF with servers that answer on cue. tests/kernel/netconf has a real one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from xml.etree import ElementTree

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Change, Entry
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.plugin_utils.netconf_device import netconf_router
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter

from ..mobility.worlds import NOW
from ..platforms.test_ietf_netconf import (
    DECODER,
    ENCODER,
    NAMESPACE,
    PLATFORM,
    RENDERER,
    SHOWN,
    error,
    rendered,
    shown,
)

CAPABILITY = "urn:ietf:params:netconf:capability:"
OURS = "urn:sipmobility:yang:sipmobility-nat?module=sipmobility-nat&revision=2026-11-26"
ALL = ("candidate:1.0", "confirmed-commit:1.1", "rollback-on-error:1.0", "writable-running:1.0")
OK = f'<rpc-reply xmlns="{NAMESPACE}"><ok/></rpc-reply>'
NOTHING = f'<rpc-reply xmlns="{NAMESPACE}"><data/></rpc-reply>'


def holding(*entries: Entry) -> str:
    """What a server shows that holds these."""
    return shown(rendered(Change(put=entries)))


class Scripted:
    """A server that answers each operation as it is told to, and ok where it is told nothing. A stand-in.

    :param once: only the first time.
    """

    def __init__(self, can: Iterable[str], shows: Iterable[str] = (), once: bool = False, **answers: str) -> None:
        self.asked: list[str] = []
        self.session = "1"
        self._once = once
        self._can = frozenset({OURS, *(CAPABILITY + name for name in can)})
        self._shows = list(shows)
        self.answers = answers

    @property
    def number(self) -> str:
        return self.session

    @property
    def capabilities(self) -> Set[str]:
        return self._can

    def requests(self, *operations: str) -> Sequence[str]:
        return [self.request(operation) for operation in operations]

    def tell(self, operation: str) -> None:
        self.request(operation)

    def request(self, operation: str) -> str:
        root = ElementTree.fromstring(operation)
        name = root.tag.partition("}")[2].replace("-", "_")
        confirmed = root.find(f"{{{NAMESPACE}}}confirmed") is not None
        self.asked.append(f"{name} confirmed" if confirmed else name)
        if name == "get_config":
            return self._shows.pop(0)
        answer = self.answers.get(name, OK)
        if self._once:
            self.answers.pop(name, None)
        if answer == "lost":
            raise HandoverError("session_lost", "gone", "a session lasts")
        return answer


def router(server: Scripted) -> ManagedRouter:
    return netconf_router("rb", PLATFORM, RENDERER, server)


def refusal(server: Scripted, *put: Entry) -> HandoverError:
    with pytest.raises(HandoverError) as told:
        router(server).apply(Change(put=put), RouterState(), NOW)
    return told.value


def test_encoders_are_confirmed_after_they_were_read_back() -> None:
    server = Scripted(ALL, [holding(ENCODER)])
    assert router(server).apply(Change(put=(ENCODER,)), RouterState(), NOW) == RouterState([ENCODER])
    assert server.asked == ["lock", "edit_config", "commit confirmed", "get_config", "commit", "unlock"]


def test_encoders_that_go_are_confirmed_too() -> None:
    server = Scripted(ALL, [NOTHING])
    router(server).apply(Change(remove=(ENCODER,)), RouterState([ENCODER]), NOW)
    assert server.asked == ["lock", "edit_config", "commit confirmed", "get_config", "commit", "unlock"]


def test_decoders_are_committed_plainly() -> None:
    server = Scripted(ALL, [holding(DECODER)])
    router(server).apply(Change(put=(DECODER,)), RouterState(), NOW)
    assert server.asked == ["lock", "edit_config", "commit", "get_config", "unlock"]


def test_a_server_without_confirmed_commit() -> None:
    server = Scripted(("candidate:1.0",), [holding(ENCODER)])
    router(server).apply(Change(put=(ENCODER,)), RouterState(), NOW)
    assert server.asked == ["lock", "edit_config", "commit", "get_config", "unlock"]


def test_a_server_whose_running_is_written() -> None:
    server = Scripted(("writable-running:1.0", "rollback-on-error:1.0"), [holding(ENCODER)])
    router(server).apply(Change(put=(ENCODER,)), RouterState(), NOW)
    assert server.asked == ["lock", "edit_config", "get_config", "unlock"]
    text = router(server).text(Change(put=(ENCODER,)), NOW)
    assert "<running/>" in text
    assert "rollback-on-error" in text


@pytest.mark.parametrize("can", [(), ("writable-running:1.0",), ("rollback-on-error:1.0",)])
def test_a_server_that_cannot_take_a_step_as_a_whole(can: tuple[str, ...]) -> None:
    with pytest.raises(HandoverError, match="no_transaction"):
        router(Scripted(can))


def test_a_server_without_our_augmentation() -> None:
    """A mapping of plain RFC 8512 works both ways at once (design rule 3): another platform, chosen by name."""
    server = Scripted(ALL)
    server._can -= {OURS}
    with pytest.raises(HandoverError, match="module_missing"):
        router(server)


def test_an_edit_that_is_refused_leaves_nothing_behind() -> None:
    server = Scripted(ALL, [NOTHING], edit_config=error("data-exists", "<error-path>/nat</error-path>"))
    told = refusal(server, ENCODER)
    assert (told.code, told.subject) == ("router_changed", "rb: data-exists at /nat")
    assert told.advice.endswith("The router is unchanged.")
    assert server.asked == ["lock", "edit_config", "discard_changes", "unlock", "get_config"]


def test_a_confirmed_commit_that_is_refused_is_cancelled() -> None:
    """netconfd would wait for its confirmation, and let nobody have the lock until its time is over."""
    server = Scripted(ALL, [NOTHING, NOTHING], commit=error("operation-failed"))
    assert refusal(server, ENCODER).code == "step_refused"
    committed = ["lock", "edit_config", "commit confirmed", "get_config"]
    assert server.asked == [*committed, "cancel_commit", "discard_changes", "unlock", "get_config"]


def test_encoders_that_do_not_read_back_are_cancelled() -> None:
    server = Scripted(ALL, [NOTHING, NOTHING])
    told = refusal(server, ENCODER)
    assert told.code == "not_read_back"
    assert told.advice.endswith("The router is unchanged.")
    expected = ["lock", "edit_config", "commit confirmed", "get_config", "cancel_commit", "get_config", "unlock"]
    assert server.asked == expected


def test_encoders_whose_read_back_cannot_be_read_are_cancelled() -> None:
    server = Scripted(ALL, [SHOWN[:-60]])
    assert refusal(server, ENCODER).code == "unreadable_answer"
    assert server.asked[3:] == ["get_config", "cancel_commit", "discard_changes", "unlock"]


def test_decoders_that_do_not_read_back_are_undone() -> None:
    server = Scripted(ALL, [holding(ENCODER), NOTHING])
    told = refusal(server, DECODER)
    assert told.code == "not_read_back"
    assert told.advice.endswith("The router was put back.")


def test_what_is_put_back_is_not_held() -> None:
    """A server that says no and does it all the same."""
    server = Scripted(ALL, [holding(ENCODER), holding(ENCODER), NOTHING], once=True, commit=error("operation-failed"))
    one = router(server)
    with pytest.raises(HandoverError, match=r"step_refused.*The router was put back"):
        one.apply(Change(put=(ENCODER,)), RouterState(), NOW, hold=True)
    assert not one.held
    assert server.asked[-2:] == ["commit", "unlock"]


def test_a_lock_that_another_session_gives_back_in_time() -> None:
    """Nobody waits for the answer to an unlock: whoever locks next may be there before it."""
    server = Scripted(ALL, [holding(DECODER)], once=True, lock=error("lock-denied"))
    assert router(server).apply(Change(put=(DECODER,)), RouterState(), NOW) == RouterState([DECODER])
    assert server.asked == ["lock", "lock", "edit_config", "commit", "get_config", "unlock"]


def test_a_lock_that_another_session_keeps() -> None:
    server = Scripted(ALL, lock=error("lock-denied"))
    assert refusal(server, DECODER).code == "lock_held"
    assert server.asked == ["lock"] * 5


def test_a_lock_that_is_refused() -> None:
    server = Scripted(ALL, lock=error("resource-denied", "<error-message>candidate is modified</error-message>"))
    told = refusal(server, ENCODER)
    assert (told.code, told.subject) == ("lock_held", "rb: resource-denied candidate is modified")
    assert server.asked == ["lock"]


@pytest.mark.parametrize("operation", ["lock", "edit_config", "commit", "unlock"])
def test_a_session_that_is_lost(operation: str) -> None:
    server = Scripted(ALL, [holding(ENCODER)])
    server.answers[operation] = "lost"
    told = refusal(server, ENCODER)
    assert (told.code, told.subject) == ("session_lost", "rb: gone")
    assert "reconcile" in told.advice


def test_an_answer_that_is_none() -> None:
    server = Scripted(ALL, edit_config="<html/>")
    assert refusal(server, ENCODER).code == "unreadable_answer"
    assert server.asked == ["lock", "edit_config", "discard_changes", "unlock"]


def held_elsewhere(server: Scripted) -> ManagedRouter:
    """The router of a later task, which takes over what an earlier one left unconfirmed."""
    earlier = router(server)
    earlier.apply(Change(put=(ENCODER,)), RouterState(), NOW, hold=True)
    assert server.asked[-1] == "get_config", "the lock stays"
    later = router(server)
    later.resume(earlier.receipt)
    return later


def test_a_later_task_confirms_what_is_held() -> None:
    server = Scripted(ALL, [holding(ENCODER)])
    held_elsewhere(server).settle()
    assert server.asked[-2:] == ["commit", "unlock"]


def test_a_later_task_cancels_what_is_held() -> None:
    server = Scripted(ALL, [holding(ENCODER)])
    held_elsewhere(server).release()
    assert server.asked[-2:] == ["cancel_commit", "unlock"]


def test_another_session_confirms_nothing() -> None:
    """The router took it back when the session ended, and somebody may have put his own into the candidate since."""
    server = Scripted(ALL, [holding(ENCODER)])
    earlier = router(server)
    earlier.apply(Change(put=(ENCODER,)), RouterState(), NOW, hold=True)
    receipt, server.session = earlier.receipt, "2"
    with pytest.raises(HandoverError, match=r"session_lost.*rb: session 1, now 2"):
        router(server).resume(receipt)
    assert server.asked[-1] == "get_config"


def test_decoders_are_never_held() -> None:
    server = Scripted(ALL, [holding(DECODER)])
    one = router(server)
    one.apply(Change(put=(DECODER,)), RouterState(), NOW, hold=True)
    assert (one.held, dict(one.receipt)) == (False, {})


def test_an_encoder_that_goes_with_a_decoder_is_confirmed_at_once() -> None:
    """Another router's encoder comes next, and relies on the decoder: what a lost session takes back is no base."""
    server = Scripted(ALL, [holding(ENCODER, DECODER)])
    one = router(server)
    one.apply(Change(put=(ENCODER, DECODER)), RouterState(), NOW, hold=True)
    assert not one.held
    assert server.asked == ["lock", "edit_config", "commit confirmed", "get_config", "commit", "unlock"]
