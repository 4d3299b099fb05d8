"""``python -m qgen`` is the ``qgen`` command."""

import sys

from qgen.cli import main

sys.exit(main())
