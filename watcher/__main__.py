"""``python -m watcher`` is ``framesift``."""

import sys

from watcher.cli import main

sys.exit(main())
