"""Write the database of one application: `python -m bench.seed MODULE`, run inside that application's venv."""

import importlib
import sys

from bench import data

if __name__ == "__main__":
    importlib.import_module(sys.argv[1]).seed(data.run_folder())
