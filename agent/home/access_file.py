# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How home servers are asked, as a YAML file."""

from __future__ import annotations

from ...plugins.module_utils.asking.access import HomeAccess
from ..settings_file import load_settings

__all__ = ["load_home"]


def load_home(path: str) -> HomeAccess:
    """Read the file.

    :raises HandoverError: ``bad_home_access``; its subject is file, line and what stands there.
    """
    return load_settings(path, HomeAccess.from_dict, "bad_home_access", "how home servers are asked")
