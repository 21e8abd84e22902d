"""Certificates for servers that are tried: an authority, and names that it vouches for."""

from __future__ import annotations

import subprocess
from pathlib import Path

__all__ = ["Authority"]

#: What Python 3.13 and later ask of an authority (RFC 5280 section 4.2.1.3).
_SIGNS = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
_SIGNS_NOT = ("-addext", "basicConstraints=critical,CA:FALSE")
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")


class Authority:
    """Made when it is made; its own certificate is ``file``."""

    def __init__(self, directory: Path, name: str = "authority") -> None:
        self.file = directory / f"{name}.pem"
        self._key = directory / f"{name}.key"
        self._directory = directory
        _openssl("req", "-x509", *_KEY, *_SIGNS, "-subj", f"/CN={name}", "-keyout", self._key, "-out", self.file)

    def certificate(self, *names: str) -> tuple[Path, Path]:
        """Certificate and key for these DNS names."""
        certificate, key = (self._directory / f"{self.file.stem}-{names[0]}.{kind}" for kind in ("pem", "key"))
        alternative = "subjectAltName=" + ",".join(f"DNS:{name}" for name in names)
        signed = ("-CA", self.file, "-CAkey", self._key, "-addext", alternative, *_SIGNS_NOT)
        _openssl("req", "-x509", *_KEY, "-subj", f"/CN={names[0]}", *signed, "-keyout", key, "-out", certificate)
        return certificate, key


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
