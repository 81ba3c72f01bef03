"""`python -m helpers.preflight FILE` says whether a file is fit for SFT; see --help."""

import sys

from helpers.preflight.command import main

if __name__ == "__main__":
    # Into a file or another program, Windows would write in an encoding that has no letters for most languages.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8")
    sys.exit(main())
