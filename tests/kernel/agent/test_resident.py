# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that stays on a router does what a shell would do with the same text, also for the next boot."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given

from ansible_collections.sipmobility.handover.agent.service.held_shell import HeldShell, LoopShell
from ansible_collections.sipmobility.handover.agent.service.resident_device import ResidentDevice
from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import difference
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Change,
    Neighbour,
    Rewrite,
    RewriteKind,
    Selector,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState, same_state
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.base import Output
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.nftables import Nftables
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.nftables import NftablesBackend
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.settings import SETTINGS
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter

from ...unit.mobility.entries import holdable, states
from ...unit.mobility.worlds import NEW, NOW, OLD, PEER
from ..conftest import refusal
from ..namespaces import Namespace, until
from ..test_nftables import FEW, mark, route
from ..test_preparation import bare as bare
from ..test_preparation import live, managed, prepare, reboot
from .held import resident_shell

_STANDING = Rewrite(RewriteKind.INBOUND_DST, Selector(PEER, NEW), OLD, mark(1).stamp)
ELEMENTS = NftablesBackend().setting("elements_path")


class Counted:
    """A held shell, and how it was used."""

    def __init__(self, shell: LoopShell) -> None:
        self._shell = shell
        self.scripts: list[str] = []
        self.steps: list[Output | None] = []

    def run(self, script: str) -> Output:
        self.scripts.append(script)
        return self._shell.run(script)

    def step(self, text: str, known: str) -> Output | None:
        output = self._shell.step(text, known)
        self.steps.append(output)
        return output


@dataclass
class Held:
    """A router to which a shell is held open."""

    router: ManagedRouter
    shell: Counted
    itself: HeldShell


@contextmanager
def resident(space: Namespace, within: str = "") -> Iterator[Held]:
    """Hold a shell open on a router, in whose place the program may come.

    :param within: a command that runs the shell.
    """
    with resident_shell(space, within) as (shell, itself):
        counted = Counted(shell)
        yield Held(ManagedRouter("rb", Nftables(), ResidentDevice(Nftables(), Renderer(), counted)), counted, itself)


@pytest.fixture(scope="module")
def begun_nfts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("programs") / "begun"


@pytest.fixture(scope="module")
def held_host(host: Namespace, begun_nfts: Path) -> Iterator[Held]:
    nft = f'#!/bin/sh\n[ "$1" != -f ] || echo begun >>{begun_nfts}\nexec /usr/sbin/nft "$@"\n'
    with resident(host, _programs(begun_nfts.parent, nft=nft)) as held:
        yield held


@pytest.fixture
def begun_nft(begun_nfts: Path, held: Held) -> Path:
    """Has a line for each nft that was begun for a step of ``held``."""
    begun_nfts.write_text("")
    return begun_nfts


@pytest.fixture
def held(held_host: Held, router: ManagedRouter) -> Held:
    """A router that holds nothing and keeps nothing."""
    held_host.router.gather()
    held_host.shell.scripts.clear()
    held_host.shell.steps.clear()
    return held_host


def test_steps_follow_each_other_without_a_script(held: Held, router: ManagedRouter) -> None:
    for change in (Change(put=(mark(1), route())), Change((mark(1),), (mark(2),)), Change((route(),))):
        assert held.router.apply_unread(change, held.router.generation, NOW)
    assert (len(held.shell.steps), held.shell.scripts) == (3, [])
    assert router.gather() == RouterState([mark(2)])
    assert router.generation == held.router.generation


@FEW
@given(states(holdable()))
def test_what_is_put_by_it_is_what_is_read(
    held: Held, router: ManagedRouter, begun_nft: Path, wanted: RouterState
) -> None:
    before = held.router.gather()
    change = difference(before, wanted)
    begun_nft.write_text("")
    assert not change or held.router.apply_unread(change, held.router.generation, NOW)
    noted = held.router.generation
    if not any(isinstance(entry, Neighbour) for entry in (*change.remove, *change.put)):
        assert not begun_nft.read_text()
    assert same_state(router.gather(), wanted)
    assert router.generation == noted


def _elements(host: Namespace) -> list[str]:
    """All that nft lists, in some order of its own."""
    return sorted(re.split(r",?\s*\n\s*|, ", re.sub(r" expires \w+", "", host.shell("nft list ruleset").stdout)))


@FEW
@given(states(holdable()))
def test_what_it_puts_is_what_nft_would_put(
    held: Held, router: ManagedRouter, host: Namespace, wanted: RouterState
) -> None:
    listed = []
    for one in (held.router, router):
        held_now = router.gather()
        router.apply(difference(held_now, RouterState()), held_now, NOW)
        empty = one.gather()
        assert not wanted or one.apply_unread(difference(empty, wanted), one.generation, NOW)
        listed.append(_elements(host))
    assert listed[0] == listed[1]


def test_nothing_is_done_after_somebody_else_changed_something(held: Held, host: Namespace) -> None:
    host.shell("nft add table ip theirs")
    before = host.shell("nft list ruleset").stdout
    assert not held.router.apply_unread(Change(put=(mark(1),)), held.router.generation, NOW)
    assert host.shell("nft list ruleset").stdout == before
    host.shell("nft delete table ip theirs")


def test_a_step_that_fails_is_taken_back(held: Held, router: ManagedRouter) -> None:
    one = held.router
    one.apply(Change(put=(mark(1), _STANDING)), one.gather(), NOW)
    change = Change((mark(1),), (route(), mark(2), replace(_STANDING, to=PEER)))
    error = refusal(lambda: one.apply_unread(change, one.generation, NOW))
    assert error.code == "router_changed"
    assert mark(1) in list(router.gather())
    assert not [entry for entry in router.gather() if entry.key in (route().key, mark(2).key)]


class Adding(Renderer):
    """A template of an operator's own, which ends in something else."""

    def __init__(self, line: str) -> None:
        super().__init__()
        self._line = line

    def render(self, name: str, context: Mapping[str, object]) -> str:
        text = super().render(name, context)
        return text.replace("set -eu\n", f"set -eu\n{self._line}\n") if name == "nftables/step.sh.j2" else text


@pytest.mark.parametrize(
    ("line", "by_it", "done"),
    [
        ("if test -x /bin/true; then /bin/true some words; fi", True, True),
        ("if test -x /bin/false; then /bin/false || true; fi", True, True),
        ("if test -x /bin/false; then /bin/false; fi", True, False),
        ("if test -x /no/such; then /no/such; fi", True, True),
        ("if test -x /bin/true; then /bin/false; fi", False, False),
        ("true; true", False, True),
    ],
)
def test_commands_beside_its_own(held: Held, router: ManagedRouter, line: str, by_it: bool, done: bool) -> None:
    """It runs programs as a shell does, and leaves to a shell what it does not know."""
    held.router.gather()
    shell = held.shell
    one = ManagedRouter("rb", Nftables(), ResidentDevice(Nftables(), Adding(line), shell))
    one.gather()
    shell.scripts.clear()
    with contextlib.nullcontext() if done else pytest.raises(HandoverError):
        assert one.apply_unread(Change(put=(mark(1),)), one.generation, NOW)
    assert (shell.steps[0] is not None) == by_it
    assert (mark(1) in list(router.gather())) == done


def test_a_route_that_the_kernel_refuses_has_its_words(held: Held) -> None:
    error = refusal(lambda: held.router.apply_unread(Change(put=(route("192.0.2.1"),)), held.router.generation, NOW))
    assert error.code == "no_such_interface"
    assert "rb: " in error.subject


def _program(held: Held) -> int:
    """The process of the program itself."""
    return int(held.shell.run("printf '@@ program\\n%s\\n@@ end\\n' \"$PPID\"").sections["program"])


def test_a_program_that_is_killed_at_its_step_says_nothing_of_it(held: Held) -> None:
    program = _program(held)
    os.kill(program, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as elsewhere:
        asked = elsewhere.submit(held.router.apply_unread, Change(put=(mark(1),)), held.router.generation, NOW)
        until(lambda: held.itself.busy)
        os.kill(program, signal.SIGKILL)
        assert refusal(asked.result).code == "router_unreachable"
    held.router.gather()
    _put(held, 1)


def test_a_program_that_was_killed_between_steps_is_replaced(held: Held) -> None:
    os.kill(_program(held), signal.SIGKILL)
    until(lambda: not held.itself.open)
    _put(held, 1)


def _programs(directory: Path, but: str = "", **own: str) -> str:
    """A command that runs something with the programs of this machine, but some, and with others of our own."""
    for name, text in own.items():
        (directory / name).write_text(text)
        (directory / name).chmod(0o755)
    for program in (*Path("/usr/sbin").iterdir(), *Path("/usr/bin").iterdir()):
        if not (but and program.name.startswith(but)) and not (directory / program.name).exists():
            (directory / program.name).symlink_to(program)
    return f"env PATH={directory}"


def _put(held: Held, number: int) -> None:
    assert held.router.apply_unread(Change(put=(mark(number),)), held.router.generation, NOW)


def test_a_router_without_python_has_it(router: ManagedRouter, host: Namespace, tmp_path: Path) -> None:
    with resident(host, _programs(tmp_path, "python")) as held:
        held.router.gather()
        _put(held, 1)
        assert (len(held.shell.steps), len(held.shell.scripts)) == (1, 1)
    assert router.gather() == RouterState([mark(1)])


def test_a_router_without_perl_keeps_its_shell(router: ManagedRouter, host: Namespace, tmp_path: Path) -> None:
    with resident(host, _programs(tmp_path, "perl")) as held:
        held.router.gather()
        _put(held, 1)
        assert (held.shell.steps, len(held.shell.scripts)) == ([None], 2)
    assert router.gather() == RouterState([mark(1)])


def test_a_large_step_is_one_transaction(held: Held, router: ManagedRouter, begun_nft: Path) -> None:
    base, first = mark(0), ip_address("203.0.113.0")
    many = [replace(base, match=Selector(OLD, first + number)) for number in range(3000)]
    generation = router.generation
    assert held.router.apply_unread(Change(put=tuple(many)), held.router.generation, NOW)
    assert not begun_nft.read_text()
    state = router.gather()
    assert state == RouterState(many)
    assert router.generation != generation
    assert held.router.apply_unread(Change(tuple(many[:2999])), held.router.generation, NOW)
    assert router.gather() == RouterState(many[2999:])


def test_what_it_does_not_know_is_left_to_nft(
    router: ManagedRouter, host: Namespace, begun_nft: Path, held: Held
) -> None:
    """As elements of a set that an operator's own table has."""
    text = "add element ip sipmobility theirs { 198.51.100.9 timeout 60s }"
    host.shell("nft add set ip sipmobility theirs '{ type ipv4_addr; flags timeout; }'")
    line = f"nft -f - <<'THEIRS'\n{text}\nTHEIRS"
    one = ManagedRouter("rb", Nftables(), ResidentDevice(Nftables(), Adding(line), held.shell))
    one.gather()
    begun_nft.write_text("")
    assert one.apply_unread(Change(put=(mark(1),)), one.generation, NOW)
    assert begun_nft.read_text() == "begun\n"
    assert "198.51.100.9" in host.shell("nft list set ip sipmobility theirs").stdout
    host.shell("nft delete set ip sipmobility theirs")


def test_a_table_that_others_made_anew_is_used(held: Held, router: ManagedRouter, host: Namespace) -> None:
    _put(held, 1)
    table = host.shell("nft -s list ruleset").stdout
    host.shell("nft flush ruleset")
    host.shell(f"nft -f - <<'TABLE'\n{table}\nTABLE")
    held.router.gather()
    _put(held, 2)
    assert router.gather() == RouterState([mark(1), mark(2)])


def _after(boot: Callable[[], None], space: Namespace) -> RouterState:
    """What is held after a boot."""
    boot()
    space.shell(SETTINGS["restore_path"])
    return managed(space).gather()


def _journalled(space: Namespace) -> bool:
    return "# end" in space.shell(f"cat {ELEMENTS}.journal 2>/dev/null || true").stdout


@pytest.fixture
def kept(bare: Namespace) -> Iterator[Held]:
    """A router that keeps, and holds two handovers already."""
    prepare(bare)
    now = int(time.time())
    managed(bare).apply(Change(put=tuple(live(now))), RouterState(), now)
    with resident(bare) as held:
        held.router.gather()
        yield held


@pytest.mark.parametrize("folded", [False, True])
def test_its_steps_come_back_after_a_boot(kept: Held, bare: Namespace, folded: bool) -> None:
    now = int(time.time())
    fresh = [replace(mark(number), stamp=replace(mark(1).stamp, expires=now + 900)) for number in range(3)]
    state = kept.router.gather()
    gone = next(entry for entry in state if isinstance(entry, Rewrite))
    for change in (Change(put=tuple(fresh)), Change((fresh[0],)), Change((gone,)), Change(put=(fresh[0],))):
        assert kept.router.apply_unread(change, kept.router.generation, now)
    assert _journalled(bare)
    if folded:
        until(lambda: not _journalled(bare))
        # The next step finds it there, with nothing in it.
        assert bare.shell(f"cat {ELEMENTS}.journal").stdout.startswith("# after ")
        held = bare.shell(f"nft -f {NftablesBackend().setting('table_path')}; nft list ruleset").stdout
        assert held
    wanted = state.changed([gone.key], fresh)
    assert _after(lambda: reboot(bare), bare) == wanted


def test_a_step_that_was_cut_while_it_was_written_counts_for_nothing(kept: Held, bare: Namespace) -> None:
    now = int(time.time())
    one, two = (replace(mark(number), stamp=replace(mark(1).stamp, expires=now + 900)) for number in (1, 2))
    state = kept.router.gather()
    assert kept.router.apply_unread(Change(put=(one,)), kept.router.generation, now)
    bare.shell(f"printf '\\n# saved 1\\nadd element ip sipmobility session_mark {{ 1.1' >>{ELEMENTS}.journal")
    assert _after(lambda: reboot(bare), bare) == state.changed([], [one])
    kept.router.gather()
    assert kept.router.apply_unread(Change(put=(two,)), kept.router.generation, now)

    assert _after(lambda: reboot(bare), bare) == state.changed([], [one, two])


def test_a_playbooks_step_comes_after_its_own(kept: Held, bare: Namespace) -> None:
    now = int(time.time())
    one = replace(mark(1), stamp=replace(mark(1).stamp, expires=now + 900))
    state = kept.router.gather()
    assert kept.router.apply_unread(Change(put=(one,)), kept.router.generation, now)
    other = managed(bare)
    other.apply(Change((one,)), other.gather(), now)
    assert not _journalled(bare)
    assert _after(lambda: reboot(bare), bare) == state


def test_a_step_that_cannot_be_kept_is_taken_back(kept: Held, bare: Namespace) -> None:
    """A disk that is full: the step was done, and is not acknowledged."""
    bare.shell(f"mount --bind /dev/full {ELEMENTS}.journal 2>/dev/null || {{ : >{ELEMENTS}.journal; }}")
    bare.shell(f"mount --bind /dev/full {ELEMENTS}.journal")
    now = int(time.time())
    one = replace(mark(1), stamp=replace(mark(1).stamp, expires=now + 900))
    state = kept.router.gather()
    refusal(lambda: kept.router.apply_unread(Change(put=(one,)), kept.router.generation, now))
    bare.shell(f"umount {ELEMENTS}.journal")
    assert managed(bare).gather() == state
