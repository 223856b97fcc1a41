"""The program as a module, for tests that start it as a process: `python -m tests.tools.scalpbot VERB ...`."""

import sys

from services.cli import main

if __name__ == "__main__":
    sys.exit(main())
