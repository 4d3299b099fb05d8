"""The web page: ``python app.py`` serves it on http://127.0.0.1:7860.

It is the page of ``qgen serve``, with that command's options.
"""

import sys

from qgen.cli import main

if __name__ == "__main__":
    sys.exit(main(["serve", "--port", "7860", *sys.argv[1:]]))
