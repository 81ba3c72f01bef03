"""`python -m helpers.model` fetches SmolLM2, so that notebooks find it on this machine."""

import sys

from helpers.errors import CourseError
from helpers.model import smollm2

if __name__ == "__main__":
    try:
        smollm2.fetch()
    except CourseError as problem:
        sys.exit(str(problem))
