# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies as YAML files."""

from __future__ import annotations

from typing import Any

from ..plugins.module_utils.mobility.registration_policy import Policy
from .settings_file import load_settings

__all__ = ["load_policy", "load_policy_data"]


def load_policy(path: str) -> Policy:
    """Read a policy file.

    :raises HandoverError: ``bad_policy`` or ``unknown_policy_key``; its subject is file, line and what stands there.
    """
    return load_settings(path, Policy.from_dict, "bad_policy", "a policy")


def load_policy_data(path: str) -> dict[str, Any]:
    """What a policy file says, for others to build the policy from.

    :raises HandoverError: as :func:`load_policy`.
    """
    return load_settings(path, _data, "bad_policy", "a policy")


def _data(said: object) -> dict[str, Any]:
    Policy.from_dict(said)
    assert isinstance(said, dict)
    return said
