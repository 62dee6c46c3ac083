"""Has `rows` put something into the database.

python -m tests.tools.bench.seed conversations 10 50
"""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")


def main() -> None:
    django.setup()
    from . import rows

    verb, *numbers = sys.argv[1:]
    json.dump(getattr(rows, verb)(*map(int, numbers)), sys.stdout)


main()
