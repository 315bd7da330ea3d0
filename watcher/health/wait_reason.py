"""Why a watcher waits, written where a full disk allows it: the ledger itself may be what cannot be written.

From its start on, the watcher holds one block of the disk, in a file beside its lock, and writes over it in place. A
full disk allows that. Where every write takes a new block (Btrfs, APFS) it may be refused; then there are still the
lock, the age of the last heartbeat, and the log.
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
_MOST = 300
"""Characters of a reason: as escapes of at most twelve bytes each, they fit into the block."""


def write_wait_reason(folder: Path, why: str) -> None:
    """Write into *folder*, where the watcher's lock is, why it waits; an empty *why* means that it does not."""
    wait_reason = WaitReason(datetime.now().astimezone().isoformat(), os.getpid(), why[:_MOST])
    # If this fails there is still the line in the log.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder / _NAME, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            file.write(json.dumps(asdict(wait_reason)).encode("ascii").ljust(_BLOCK))


def read_wait_reason(folder: Path) -> WaitReason:
    """Why the watcher waits whose lock is in *folder*; empty if it does not wait, or could not write it."""
    try:
        return WaitReason(**json.loads((folder / _NAME).read_bytes()))
    except (OSError, ValueError, TypeError):
        return WaitReason()
