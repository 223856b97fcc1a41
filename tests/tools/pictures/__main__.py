"""Draw the pictures of docs/architecture.md and of terminals, and write the parts of pages that follow from the code.

`python -m tests.tools.pictures`, or `make pictures`.
"""

from tests.repository import ROOT
from tests.tools.pictures.drawings import drawings
from tests.tools.pictures.terminals import terminals

if __name__ == "__main__":
    for path, text in {**drawings(), **terminals()}.items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))
