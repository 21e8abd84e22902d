# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store: a draft is apart until it is committed, writers do not tread on each other, and damage is told."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.store import database, sqlite
from ansible_collections.sipmobility.handover.plugins.module_utils.store.sqlite import Store

from ..mobility.registrar import World, codes, pairs
from ..sip.messages import NOW

A, B, D = "1.1.1.20", "2.2.2.20", "2.2.2.40"
#: As another process sees the collection.
ENV = {"PYTHONPATH": ":".join(path for path in sys.path if path)}


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "history.db")


def put(path: str, key: str, value: object, keep_until: float = NOW + 60) -> str:
    """A saved draft with one entry; its name."""
    with Store(path) as store:
        draft = store.draft()
        draft.put("held", key, value, keep_until)
        return draft.save(NOW)


def got(path: str, key: str) -> object:
    """What a new draft sees."""
    with Store(path) as store:
        return store.draft().get("held", key)


def refused(path: str, name: str) -> str:
    """The code with which a commit is refused."""
    with Store(path) as store, pytest.raises(HandoverError) as caught:
        store.commit(name, NOW)
    return caught.value.code


def commit(path: str, *names: str, now: float = NOW) -> None:
    with Store(path) as store:
        for name in names:
            store.commit(name, now)


def test_a_draft_is_apart_until_it_is_committed(path: str) -> None:
    name = put(path, "k", [1, None, "é"])
    assert got(path, "k") is None
    commit(path, name)
    assert got(path, "k") == [1, None, "é"]


def test_a_commit_that_is_repeated_does_nothing(path: str) -> None:
    first = put(path, "k", 1)
    commit(path, first)
    commit(path, put(path, "k", 2), first)
    assert got(path, "k") == 2


def test_none_takes_away(path: str) -> None:
    commit(path, put(path, "k", 1))
    commit(path, put(path, "k", None))
    assert got(path, "k") is None


def test_a_draft_sees_what_it_changed(path: str) -> None:
    commit(path, put(path, "a", 1))
    with Store(path) as store:
        draft = store.draft()
        draft.put("held", "a", None, NOW)
        draft.put("held", "b", 2, NOW)
        assert (draft.get("held", "a"), draft.get("held", "b"), draft.items("held")) == (None, 2, [("b", 2)])
        draft.put("other", "b", 3, NOW)
        assert draft.items("held") == [("b", 2)]


def test_a_long_run_spills_into_the_file(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_SPILL", 10)
    monkeypatch.setattr(sqlite, "_BETWEEN_COUNTS", 1)
    commit(path, put(path, "0", "old"))
    with Store(path) as store:
        draft = store.draft()
        for number in range(100):
            draft.put("held", str(number), number, NOW + 60)
        assert sum(map(len, draft._changed.values())) <= 10
        assert (draft.get("held", "0"), len(draft.items("held"))) == (0, 100)
        assert store.draft().items("held") == [("0", "old")]
        store.commit(draft.save(NOW), NOW)
        assert len(store.draft().items("held")) == 100


def test_what_is_read_together_is_of_one_moment_and_holds_nobody_up(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_SPILL", 2)
    monkeypatch.setattr(sqlite, "_BETWEEN_COUNTS", 1)
    commit(path, put(path, "a", 1), put(path, "b", 1))
    with Store(path) as store:
        draft = store.draft()
        with draft.reading():
            assert draft.get("held", "a") == 1
            commit(path, put(path, "b", 2))
            assert draft.get("held", "b") == 1
            for number in range(5):
                draft.put("held", f"own{number}", number, NOW + 60)  # what is too much is written meanwhile
        assert [draft.get("held", f"own{number}") for number in range(5)] == list(range(5))
        with pytest.raises(HandoverError, match="store_changed"):
            store.commit_at_once(draft, NOW)
    assert got(path, "own1") is None


def test_what_a_draft_was_judged_by_must_still_be_so(path: str) -> None:
    with Store(path) as store:
        first, second, third = store.draft(), store.draft(), store.draft()
        for draft in (first, second):
            assert draft.get("claims", A) is None
            draft.put("claims", A, draft.name, NOW + 60)
        third.get("claims", B)
        third.put("claims", B, 1, NOW + 60)
        for draft in (first, second, third):
            draft.save(NOW)
        store.commit(first.name, NOW)
    assert refused(path, second.name) == "store_changed"
    assert refused(path, second.name) == "store_changed"
    commit(path, third.name)


def test_a_draft_is_committed_at_once_or_leaves_nothing(path: str) -> None:
    with Store(path) as store:
        first, second = store.draft(), store.draft()
        for draft in (first, second):
            assert draft.get("claims", A) is None
            draft.put("claims", A, draft.name, NOW + 60)
        store.commit_at_once(first, NOW)
        with pytest.raises(HandoverError) as error:
            store.commit_at_once(second, NOW)
        assert error.value.code == "store_changed"
        assert store.draft().get("claims", A) == first.name
    # Not even as a draft that somebody might come back for.
    assert refused(path, second.name) == "unknown_draft"


def test_the_rate_of_everybody_is_no_conflict(path: str) -> None:
    with Store(path) as store:
        drafts = [store.draft(), store.draft()]
        for draft in drafts:
            draft.get("rates", "all")
            draft.put("rates", "all", [[1, 1]], NOW + 60)
            draft.save(NOW)
        for draft in drafts:
            store.commit(draft.name, NOW)


def test_a_draft_that_nobody_comes_back_for_goes_after_a_day(path: str) -> None:
    name = put(path, "k", 1)
    with Store(path) as store:
        store.draft().save(NOW + 2 * 86400)
    assert refused(path, name) == "unknown_draft"
    rows = sqlite3.connect(path).execute("SELECT count(*) FROM draft_entries").fetchone()
    assert rows == (0,)


def test_what_is_of_no_use_any_more_is_deleted(path: str) -> None:
    commit(path, put(path, "old", 1, NOW + 60))
    commit(path, put(path, "new", 1, NOW + 600), now=NOW + 61)
    assert (got(path, "old"), got(path, "new")) == (None, 1)


def test_the_size_is_bounded_and_what_is_live_stays(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "MOST", 10)
    monkeypatch.setattr(sqlite, "_COMMITS_BETWEEN_COUNTS", 1)
    with Store(path) as store:
        draft = store.draft()
        for number in range(20):
            draft.put("held", f"{number:02}", 1, NOW + 100 + number)
        draft.put("pairs", "alice", [1], NOW + 1)
        store.commit(draft.save(NOW), NOW)
        kept = store.draft()
        assert [key for key, _value in kept.items("held")] == [f"{number:02}" for number in range(11, 20)]
        assert kept.items("pairs") == [("alice", [1])]


def test_one_phones_many_registers_push_out_nobodys_history(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a Call-ID of its own, and asks for longer than anybody else."""
    monkeypatch.setattr(sqlite, "MOST", 50)
    monkeypatch.setattr(sqlite, "_COMMITS_BETWEEN_COUNTS", 1)
    with Store(path) as store:
        draft = store.draft()
        world = World(memory=draft)
        world.register("victim", A)
        for number in range(80):
            world.register("mallory", "1.1.1.66", call_id=f"m{number}@x", expires=2**32 - 1)
        store.commit(draft.save(world.now), world.now)
        later = World(memory=store.draft())
        later.time = world.time
        assert pairs(later.register("victim", B, A)) == [(A, B)]
        assert len(store.draft().items("cseq")) < 60


def test_only_its_owner_reads_it(path: str) -> None:
    commit(path, put(path, "k", 1))
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_what_is_no_store_of_ours_is_not_touched(tmp_path: Path, path: str) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE t (x)")
    other.close()
    text = tmp_path / "text"
    text.write_bytes(b"a text file of somebody else's, longer than the header of a database " * 30)
    for file in (path, str(text), str(tmp_path), "/nonexistent/history.db"):
        with pytest.raises(HandoverError) as caught:
            Store(file)
        assert caught.value.code == "store_unreadable"
        assert file in caught.value.subject
    assert text.read_bytes().startswith(b"a text file")


def test_a_damaged_one_is_told(path: str) -> None:
    with Store(path) as store:
        draft = store.draft()
        for number in range(2000):
            draft.put("held", str(number), "x" * 100, NOW + 60)
        store.commit(draft.save(NOW), NOW)
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (os.path.getsize(path) - 4096))
    with pytest.raises(HandoverError) as caught, Store(path) as store:
        store.draft().items("held")
    assert caught.value.code == "store_unreadable"
    assert "move a damaged store away" in caught.value.advice


def test_a_damaged_value_is_told(path: str) -> None:
    commit(path, put(path, "k", 1))
    with sqlite3.connect(path) as changed:
        changed.execute("UPDATE entries SET value = '[1'")
    with pytest.raises(HandoverError) as caught:
        got(path, "k")
    assert caught.value.code == "store_unreadable"


def test_one_of_a_newer_version_is_told(path: str) -> None:
    commit(path, put(path, "k", 1))
    sqlite3.connect(path).execute("PRAGMA user_version = 2")
    with pytest.raises(HandoverError) as caught:
        Store(path)
    assert caught.value.code == "store_version"


def test_one_that_another_process_holds_is_told(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = put(path, "k", 1)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(database, "PATIENCE", 0.1)
    with pytest.raises(HandoverError) as caught, Store(path) as store:
        store.commit(name, NOW)
    assert caught.value.code == "store_busy"
    holder.execute("ROLLBACK")
    commit(path, name)


def start(path: str, code: str) -> subprocess.Popen[str]:
    """Another process with this store."""
    head = f"import sys; from {Store.__module__} import Store; store = Store({path!r})\n"
    return subprocess.Popen([sys.executable, "-c", head + code], env=ENV, stdout=subprocess.PIPE, text=True)


COUNT = f"""
from {HandoverError.__module__} import HandoverError
done = repeated = 0
while done < 100:
    draft = store.draft()
    count = draft.get('held', 'count') or 0
    draft.put('held', 'count', count + 1, {NOW + 60})
    draft.put('held', sys.argv[0] + str(count), 1, {NOW + 60})
    try:
        store.commit(draft.save({NOW}), {NOW})
        done += 1
    except HandoverError as error:
        assert error.code == 'store_changed', error
        repeated += 1
print(repeated)
"""


def test_two_processes_lose_nothing(path: str) -> None:
    """Both open the file that is not there yet, and count up together; a refused commit is repeated."""
    both = [start(path, COUNT), start(path, COUNT)]
    told = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert got(path, "count") == 200
    assert all(text.strip().isdigit() for text in told)


def test_a_process_that_is_killed_while_it_writes_leaves_a_whole_store(path: str) -> None:
    commit(path, put(path, "count", 0))
    for _again in range(3):
        process = start(path, COUNT.replace("while done < 100", "print(flush=True)\nwhile True"))
        assert process.stdout is not None
        process.stdout.readline()
        try:
            process.wait(0.15)
        except subprocess.TimeoutExpired:
            process.kill()
        process.wait()
    count = got(path, "count")
    with Store(path) as store:
        entries = dict(store.draft().items("held"))
    assert isinstance(count, int)
    assert len(entries) == count + 1
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


class TestRuns:
    """The history of registrations in a store: every run works on a draft."""

    def test_a_later_run_knows_what_an_earlier_one_saw(self, path: str) -> None:
        with Store(path) as store:
            draft = store.draft()
            World(memory=draft).register("alice", A, call_id="c", cseq=7)
            store.commit(draft.save(NOW), NOW)
            world = World(memory=store.draft())
            world.time = 10
            assert codes(world.register("alice", D, A, before=[], call_id="c", cseq=7)) == ["replayed"]
            assert pairs(world.register("alice", B, A, before=[], call_id="c", cseq=8)) == [(A, B)]

    def test_a_run_that_was_not_acknowledged_is_repeated_with_the_same_result(self, path: str) -> None:
        results = []
        with Store(path) as store:
            for _again in range(2):
                draft = store.draft()
                world = World(memory=draft)
                world.register("alice", A)
                results.append(pairs(world.register("alice", B, A)))
                name = draft.save(NOW)
            store.commit(name, NOW)
            world = World(memory=store.draft())
            world.time = 10
            assert [str(pair.new) for pair in world.intake.live] == [B]
        assert results == [[(A, B)], [(A, B)]]

    def test_two_runs_cannot_both_be_the_first_to_claim_an_address(self, path: str) -> None:
        with Store(path) as store:
            learnt = store.draft()
            world = World(memory=learnt)
            world.register("alice", A, expires=20)
            world.pass_time(30)
            world.register("bob", A)
            store.commit(learnt.save(NOW), NOW)
            drafts = [store.draft(), store.draft()]
            for user, draft in zip(("alice", "bob"), drafts, strict=True):
                world = World(memory=draft)
                world.time = 40
                assert pairs(world.register(user, B, A, before=[], call_id="later")) == [(A, B)]
                draft.save(NOW)
            store.commit(drafts[0].name, NOW)
            with pytest.raises(HandoverError) as caught:
                store.commit(drafts[1].name, NOW)
            assert caught.value.code == "store_changed"
            world = World(memory=store.draft())
            world.time = 50
            assert codes(world.register("bob", B, A, before=[], call_id="last")) == ["old_claimed"]
