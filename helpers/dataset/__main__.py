"""`python -m helpers.dataset` builds the commands and prints what the build kept and left out."""

import sys

from helpers.dataset import commands
from helpers.errors import CourseError

if __name__ == "__main__":
    try:
        for title, numbers in commands.counts().items():
            print(f"{title}: " + ", ".join(f"{n:,} {what}" for what, n in numbers.items()))
    except CourseError as problem:
        sys.exit(str(problem))
