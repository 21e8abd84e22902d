# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults while handover.yml runs on two NETCONF routers: all routers are as before, the call at home goes on, and the
error names router, step and cause."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ...standins.netconf_router import crashes
from .test_playbooks import ALL_NETCONF, PREPARED, Story, stories
from .world import datastore

pytestmark = crashes.once_more

#: Acknowledged steps: the decoders of both routers, then the encoders of both, which wait for their confirmation.
DECODED, ENCODED = 2, 4


@pytest.fixture(scope="module")
def told(netconf_built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with stories(netconf_built, tmp_path_factory.mktemp("faults"), ALL_NETCONF) as story:
        yield story


@pytest.fixture
def story(told: Story) -> Iterator[Story]:
    """A world in which each test leaves everything as it found it, and the call alive."""
    revived = [server.revive() for server in told.world.servers.values()]
    if any(revived):
        again = told.operator.play("site", **PREPARED)
        assert again.status == 0, again.output
    before = told.stands()
    yield told
    told.operator.after_step, told.operator.idle = "", 30
    told.operator.host_key, told.operator.login_key = "host", "user"
    for _ in range(10):
        if told.stands() == before:
            break
        time.sleep(1.5)  # netconfd does not look at its clock while it is asked all the time
    assert told.stands() == before
    told.call.say(b"still at home")
    assert told.call.hears(b"still at home")


def eventually(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(1.5)  # netconfd does not look at its clock while it is asked all the time


def failing(story: Story, *words: str) -> str:
    """Run the handover, which must fail with these words."""
    done = story.operator.play("handover", handover_records=[story.record])
    assert done.status != 0, done.output
    for word in words:
        assert word in done.output, done.output
    return done.output


def test_a_lock_that_somebody_holds(story: Story) -> None:
    with story.world.servers["rb"].session() as other:
        story.world.servers["rb"].lock(other)
        failing(story, "step 01-decode-rb: rb: lock-denied", "lock_held", "Taken back on every router.")


def test_a_step_that_the_kernel_refuses(story: Story) -> None:
    """The link of the new address is down on rb."""
    story.world.spaces["rb"].shell("ip link set lan down")
    try:
        failing(story, "step 01-decode-rb: rb: operation-failed", "step_refused", "Taken back on every router.")
    finally:
        story.world.spaces["rb"].shell("ip link set lan up")


def test_a_session_that_is_lost_before_its_encoders_are_confirmed(story: Story) -> None:
    """The router takes them back by itself. rb has its own by then, and takes them back, too."""
    with story.operator.after(ENCODED, story.world.servers["rc"].drop_sessions):
        failing(story, "step 02-encode-rc: rc: ", "session_lost", "Taken back on every router.")


def test_a_lock_that_somebody_takes_between_the_stages(story: Story) -> None:
    """rc has its encoders, unconfirmed; rb cannot be given any; so rc cancels. rb keeps its decoder, harmless alone."""
    with story.world.servers["rb"].session() as other:
        with story.operator.after(DECODED, lambda: story.world.servers["rb"].lock(other)):
            failing(story, "step 02-encode-rb: rb: lock-denied", "NOT taken back: rb: lock_held")
        assert "sipmobility:1" not in datastore(story.world, "rc")
    done = story.operator.play("reconcile", handover_goal="undone")
    assert done.status == 0, done.output


def test_a_controller_that_is_killed_leaves_encoders_nowhere(story: Story) -> None:
    """kill -9 while both wait for their confirmation; nobody comes to confirm. Decoders stay until reconcile.yml."""
    story.operator.after_step, story.operator.idle = f"{ENCODED}:kill", 8
    done = story.operator.play("handover", handover_records=[story.record])
    assert done.status == -9
    assert "inbound-src" in datastore(story.world, "rc")
    eventually(lambda: "outbound-dst" not in datastore(story.world, "rc"))
    eventually(lambda: "outbound-src" not in datastore(story.world, "rb"))
    assert "inbound-dst" in datastore(story.world, "rb")
    story.operator.after_step, story.operator.idle = "", 30
    done = story.operator.play("reconcile", handover_goal="undone")
    assert done.status == 0, done.output


def test_a_server_that_is_restarted_between_the_stages(story: Story) -> None:
    """Its datastore does not survive that: what it held of us is gone, also from its kernel."""
    with story.operator.after(DECODED, lambda: restart(story, "rc")):
        failing(story, "step 02-encode-rc: rc: ", "session_lost", "Taken back on every router.")
    assert "sipmobility:1" not in datastore(story.world, "rc")
    again = story.operator.play("site", **PREPARED)
    assert again.status == 0, again.output


def restart(story: Story, name: str) -> None:
    server = story.world.servers[name]
    server.stop("netconfd")
    server.start()


@pytest.mark.parametrize(("key", "cause"), [("login_key", "uthentication"), ("host_key", "nknown host")])
def test_who_does_not_get_in(story: Story, key: str, cause: str) -> None:
    setattr(story.operator, key, "stranger")
    failing(story, "router_unreachable", cause)
