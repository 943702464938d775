"""The applications that are measured: one file (or folder) per framework, all doing the work that `bench/data.py` names."""
