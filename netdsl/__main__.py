"""`python -m netdsl`, the same as the command `netdsl`."""

import sys

from netdsl.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
