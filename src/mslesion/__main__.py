"""``python -m mslesion`` is the command ``mslesion``."""

import sys

from mslesion.cli import main

sys.exit(main())
