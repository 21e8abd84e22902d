# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that takes time, in a thread beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import ParamSpec, TypeVar

__all__ = ["in_thread"]

_T = TypeVar("_T")
_P = ParamSpec("_P")


async def in_thread(executor: Executor, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """What the work returns, done by a thread of the executor."""
    return await asyncio.get_running_loop().run_in_executor(executor, lambda: work(*args, **kwargs))
