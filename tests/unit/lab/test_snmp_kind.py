# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's SNMP router, before it boots: what is laid into it is whole, and its keys are those of the inventory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lab.platforms import KINDS

SNMP = KINDS["snmp"]


def test_the_agent_has_all_that_it_needs(tmp_path: Path) -> None:
    """Imported from what the image gets, and from nothing else that is installed here."""
    assert SNMP.image.stage is not None
    SNMP.image.stage(tmp_path)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import snmp_router.agent as it; print(it.__file__)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path))


def test_one_lab_has_one_pair_of_keys(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    variables = SNMP.variables(one)
    keys = {variables["handover_snmp_auth_key"], variables["handover_snmp_privacy_key"]}
    assert len(keys) == 2
    files = {path: (content, mode) for path, content, mode in SNMP.private(one)}
    for path in ("etc/snmp-router/snmpd.conf", "etc/snmp/snmp.conf"):
        content, mode = files[path]
        assert all(key in content for key in keys)
        assert mode == 0o600
    assert not keys & set(SNMP.variables(other).values())
    assert not [key for key in keys for _path, content, _mode in SNMP.files if key in content]
