"""A private folder that the workers of one run share; it is deleted when the run ends."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import threading
from pathlib import Path

_VARIABLE = "PUMP_CDS_RUN_FOLDER"
_guard = threading.Lock()


def run_folder() -> Path:
    """The folder, created by the first process that asks. Workers share it when it was created before they forked."""
    with _guard:
        named = os.environ.get(_VARIABLE)
        if named and Path(named).is_dir():
            return Path(named)
        folder = Path(tempfile.mkdtemp(prefix="pump-cds-run-"))
        os.environ[_VARIABLE] = str(folder)
        atexit.register(_remove, folder, os.getpid())
        return folder


def run_key() -> str:
    """A key in URL-safe base64 that is the same for all workers of a run."""
    path = run_folder() / "key"
    with _guard:
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(_new_key(), encoding="ascii")
        return path.read_text(encoding="ascii")


def _new_key() -> str:
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
