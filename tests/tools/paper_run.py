"""Paper-trade candles: `python -m tests.tools.paper_run --mode OFFLINE --csv FILE --export-csv`."""

import sys

from services.cli import main

if __name__ == "__main__":
    sys.exit(main(["paper", *sys.argv[1:]]))
