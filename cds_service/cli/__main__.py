"""python -m cds_service.cli."""

import sys

from cds_service.cli import main

if __name__ == "__main__":
    sys.exit(main())
