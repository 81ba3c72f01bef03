"""`python -m helpers.preflight FILE` says whether a file is fit for SFT; see --help."""

import sys

from helpers.preflight.command import main

if __name__ == "__main__":
    sys.exit(main())
