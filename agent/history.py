# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of addresses as a memory that stays: what was learnt since the last commit lies in a draft."""

from __future__ import annotations

from contextlib import AbstractContextManager

from ..plugins.module_utils.mobility.memory import Value
from ..plugins.module_utils.store.sqlite import Draft, Store

__all__ = ["History"]


class History:
    """One writer's view of a store. One thread.

    :raises HandoverError: as :class:`Store`.
    """

    def __init__(self, path: str) -> None:
        self._store = Store(path)
        self._draft: Draft = self._store.draft()

    def get(self, shelf: str, key: str) -> Value | None:
        """As :class:`Memory`."""
        return self._draft.get(shelf, key)

    def put(self, shelf: str, key: str, value: Value | None, keep_until: float) -> None:
        """As :class:`Memory`."""
        self._draft.put(shelf, key, value, keep_until)

    def items(self, shelf: str) -> list[tuple[str, Value]]:
        """As :class:`Memory`."""
        return self._draft.items(shelf)

    def reading(self) -> AbstractContextManager[None]:
        """As :meth:`Draft.reading`."""
        return self._draft.reading()

    def commit(self, now: float) -> None:
        """Make what was learnt part of what is known.

        :raises HandoverError: as :class:`Store`; what was learnt since the last time is forgotten then.
        """
        draft, self._draft = self._draft, self._store.draft()
        self._store.commit_at_once(draft, now)

    def close(self) -> None:
        """Close the file; what was not committed is gone."""
        self._store.close()
