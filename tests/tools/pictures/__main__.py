"""Draw the pictures of docs/architecture.md anew, and write its parts that follow from the code.

`python -m tests.tools.pictures`, or `make pictures`.
"""

from tests.repository import ROOT
from tests.tools.pictures.drawings import drawings

if __name__ == "__main__":
    for path, text in drawings().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))
