"""Import what is loaded when it is first used, while the garbage collector rests.

Importing makes thousands of classes and functions, which stay. The collector would stop for them every few thousand objects, look
through all that there is, and find next to nothing: a fourteenth of an app's start. What is there after an import is put out of
its sight for good (`gc.freeze`), so that the next collections do not look through it either, those while requests are served
among them. Garbage of that moment is never freed, which is why this is done for modules only, each of which is loaded once.
"""

import gc
import sys
from importlib import import_module
from types import ModuleType


def load(name: str) -> ModuleType:
    """The module of this name."""
    if name in sys.modules:
        return import_module(name)  # another thread may be in the middle of it, and this waits
    before = gc.get_threshold()
    if not before[0] or not gc.isenabled():
        # Whoever has it rest, an import around this one or another thread, ends that; to do it here as well could come between.
        return import_module(name)
    # Not by gc.disable(): whether a module disables the collector, or sets another threshold, is then to be seen, and stays so.
    gc.set_threshold(0)
    try:
        module = import_module(name)
        gc.freeze()
    finally:
        if not gc.get_threshold()[0]:
            gc.set_threshold(*before)
    return module
