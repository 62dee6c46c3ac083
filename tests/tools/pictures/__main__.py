"""Pictures of the real page.

`python -m tests.tools.pictures` takes those of the README.
`python -m tests.tools.pictures FOLDER [WORD …]` takes every screen in three widths, light and dark,
and puts them and a sheet of each into the folder; with words only the screens that have one in
their name.
"""

import sys
from pathlib import Path

from . import gallery, readme

if len(sys.argv) > 1:
    gallery.take(Path(sys.argv[1]), sys.argv[2:])
else:
    readme.take()
