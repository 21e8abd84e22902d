# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing and verifying of docs/release.md, with a key that is made here and thrown away."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .jobs import ROOT, commands

PAGE = "release.md"
#: The blocks of the page.
MAKING, SIGNING, FILES, INSTALLED = range(4)
KEY = ("gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "of a test", "ed25519", "sign", "never")


def sh(script: str, place: Path, home: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "PYTHON"))}
    told = {"PATH": path, "GNUPGHOME": str(home), "ANSIBLE_HOME": str(place / "ansible")}
    told["ANSIBLE_COLLECTIONS_PATH"] = str(place / "collections")
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=place,
        env={**kept, **told},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def keys() -> Iterator[Callable[[], Path]]:
    """Makes homes of gpg, each with an agent of its own, which is ended. Its socket's path must be short."""
    homes: list[tempfile.TemporaryDirectory[str]] = []

    def make() -> Path:
        homes.append(tempfile.TemporaryDirectory(prefix="gpg"))
        return Path(homes[-1].name)

    yield make
    for home in homes:
        told = {**os.environ, "GNUPGHOME": home.name}
        subprocess.run(["gpgconf", "--kill", "gpg-agent"], env=told, check=False)
        home.cleanup()


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory, keys: Callable[[], Path]) -> Path:
    """dist/, signed as the page says, with what stands for a wheel and a bill of materials."""
    place, mine = tmp_path_factory.mktemp("signing"), keys()
    dist = place / "dist"
    galaxy = Path(sys.executable).parent / "ansible-galaxy"
    subprocess.run([galaxy, "collection", "build", "--output-path", dist], cwd=ROOT, check=True, capture_output=True)
    subprocess.run(KEY, env={**os.environ, "GNUPGHOME": str(mine)}, check=True, capture_output=True)
    done = sh("cd dist && sha256sum *.tar.gz >SHA256SUMS && cd ..\n" + commands(PAGE, SIGNING), place, mine)
    assert done.returncode == 0, done.stderr
    assert {"SHA256SUMS.asc", "MANIFEST.json.asc", "sipmobility.asc"} < {path.name for path in dist.iterdir()}
    return dist


@pytest.fixture
def received(signed: Path, tmp_path: Path) -> Path:
    """What somebody has downloaded."""
    place = tmp_path / "received"
    place.mkdir()
    for path in signed.iterdir():
        if path.name != "MANIFEST.json":
            (place / path.name).write_bytes(path.read_bytes())
    return place


def test_what_was_signed_is_believed_until_it_is_altered(received: Path, keys: Callable[[], Path]) -> None:
    theirs = keys()
    files, installed = commands(PAGE, FILES), commands(PAGE, INSTALLED)
    done = sh(files + installed, received, theirs)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "internally consistent" in done.stdout

    verify = installed[installed.index("ansible-galaxy collection verify") :]
    place = received / "collections/ansible_collections/sipmobility/handover"
    readme, manifest = place / "README.md", place / "MANIFEST.json"
    was = readme.read_bytes()
    readme.write_bytes(was + b"#")
    altered = sh(verify, received, theirs)
    assert (altered.returncode, "README.md" in altered.stdout) == (1, True)
    readme.write_bytes(was)
    manifest.write_bytes(manifest.read_bytes().replace(b"sipmobility", b"sipmobilitx", 1))
    forged = sh(verify, received, theirs)
    assert (forged.returncode, "no successful signatures" in forged.stdout) == (1, True)


@pytest.mark.parametrize("altered", ["sums", "signature of another"])
def test_what_was_altered_on_the_way_is_not(received: Path, keys: Callable[[], Path], altered: str) -> None:
    theirs = keys()
    if altered == "sums":
        sums = received / "SHA256SUMS"
        sums.write_text(re.sub("^.", "x", sums.read_text()), encoding="utf-8")
    else:
        mallory = keys()
        subprocess.run(KEY, env={**os.environ, "GNUPGHOME": str(mallory)}, check=True, capture_output=True)
        done = sh("gpg --yes --armor --detach-sign SHA256SUMS", received, mallory)
        assert done.returncode == 0, done.stderr
    assert sh(commands(PAGE, FILES), received, theirs).returncode != 0
