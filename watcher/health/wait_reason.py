"""Why a watcher stands still, told even while the disk of the ledger is what refuses.

The ledger takes no report then. So a block of its disk is held from the watcher's start on, in a file beside the lock,
and is written over in place, which a full disk allows. Where every write takes a new block (Btrfs, APFS) it may be
refused; then there are the lock, the age of the last report, and the log.
"""

import contextlib
import json
import os
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from watcher.health.heartbeat import WaitReason

_NAME = "waits"
_BLOCK = 4096
_MOST = 500
"""Characters of a reason: with escapes of six bytes each they fit into the block."""


def write_wait_reason(folder: Path, why: str) -> None:
    """Leave in *folder*, that of the watcher's lock, for what it waits; nothing if *why* is empty."""
    wait_reason = WaitReason(datetime.now().astimezone().isoformat(), os.getpid(), why[:_MOST])
    # Not told is no reason to fail: the log has the line.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder / _NAME, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            file.write(json.dumps(asdict(wait_reason)).encode("ascii").ljust(_BLOCK))


def read_wait_reason(folder: Path) -> WaitReason:
    """For what the watcher waits whose lock is in *folder*; for nothing if it does not, or has not been able to say."""
    try:
        return WaitReason(**json.loads((folder / _NAME).read_bytes()))
    except (OSError, ValueError, TypeError):
        return WaitReason()
