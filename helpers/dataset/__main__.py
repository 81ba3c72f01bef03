"""`python -m helpers.dataset` builds the commands in each language and prints what the build kept and left out."""

import sys

from helpers.dataset import commands
from helpers.errors import CourseError
from helpers.language import LANGUAGES

if __name__ == "__main__":
    try:
        for language in LANGUAGES:
            for title, numbers in commands.counts(language).items():
                print(f"{language}, {title}: " + ", ".join(f"{n:,} {what}" for what, n in numbers.items()))
    except CourseError as problem:
        sys.exit(str(problem))
