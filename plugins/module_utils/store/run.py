# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run with a store: what the module and the command line do with it.

A run first commits what the one before it learnt, because its caller says that the
routers have acknowledged that; then it reads, on a draft; at its end the draft is saved.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Iterator, Optional

from ..mobility.memory import Memory
from .sqlite import Draft, Store

__all__ = ["StoredRun", "stored_run"]


class StoredRun:
    """A run's memory, and the name that its draft was saved under.

    :ivar memory: None where the run has no store.
    """

    def __init__(self, draft: Optional[Draft], keep: bool) -> None:
        self.memory: Optional[Memory] = draft
        self.saved: Optional[str] = None
        self._draft = draft
        self._keep = keep

    def save(self, now: float) -> Optional[str]:
        """Save what was learnt; the name for a later run's ``commit``, or None where nothing is kept.

        :raises HandoverError: as :class:`Store` does.
        """
        if self._draft is not None and self._keep:
            self.saved = self._draft.save(now)
        return self.saved


@contextmanager
def stored_run(path: Optional[str], commit: Optional[str], now: float, keep: bool = True) -> Iterator[StoredRun]:
    """A run with the store at ``path``; without a store where there is none. What is not saved is forgotten.

    :param commit: the draft of the run before, which the routers have acknowledged.
    :param now: Unix seconds UTC.
    :param keep: False only looks, and changes nothing (check mode).
    :raises HandoverError: as :class:`Store` does.
    """
    if path is None or (not keep and not os.path.exists(path)):
        yield StoredRun(None, keep)
        return
    with Store(path) as store:
        if commit is not None and keep:
            store.commit(commit, now)
        draft = store.draft(None if keep else commit)
        run = StoredRun(draft, keep)
        try:
            yield run
        finally:
            if run.saved is None:
                draft.discard()
