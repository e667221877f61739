"""Runs first in every interpreter of a run: what the tree ships is imported from the tree.

Editable installs add finders and folders that point at another checkout. They keep what they find,
except names that the tree itself has.
"""

import atexit
import os
import sys
from importlib.machinery import PathFinder

# The harness writes these.
_TREE = "@TREE@"
_NAMES = ["@NAMES@"]
_HERE = os.path.dirname(os.path.abspath(__file__))
_ORIGINS = os.path.join(_HERE, "origins.jsonl")


def _is_ours(name):
    return any(name == it or name.startswith(it + ".") for it in _NAMES)


class _Masked:
    """A finder that no longer finds what the tree has."""

    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        find = getattr(self.finder, "find_spec", None)
        return None if find is None or _is_ours(name) else find(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)


def _mask_finders():
    for place, finder in enumerate(sys.meta_path):
        module = getattr(finder, "__module__", "") or ""
        if not module.startswith(("_frozen_importlib", "importlib.")):
            sys.meta_path[place] = _Masked(finder)


def _is_checkout(folder):
    """Returns whether a folder on the path is another checkout of what the tree ships."""
    if folder.endswith(("site-packages", "dist-packages")) or not os.path.isdir(folder):
        return False
    real = os.path.realpath(folder)
    if (real + os.sep).startswith(_TREE + os.sep) or real == os.path.realpath(_HERE):
        return False
    paths = [os.path.join(folder, *name.split(".")) for name in _NAMES]
    return any(os.path.exists(it + ".py") or os.path.isdir(it) for it in paths)


def _mask_folders():
    standard = os.path.dirname(os.__file__)
    asked = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [
        it for it in sys.path if it in asked or it.startswith(standard) or not _is_checkout(it)
    ]


def _note_origins():
    try:
        from factory_report import write_origins

        write_origins(_ORIGINS, _NAMES)
    except Exception:  # The interpreter is ending: nothing here may fail it.
        pass


def _run_the_hidden_one():
    # The environment may have a module of this name too.
    others = [it for it in sys.path if os.path.abspath(it or ".") != _HERE]
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.origin and spec.loader is not None:
        with open(spec.origin, "rb") as file:
            code = compile(file.read(), spec.origin, "exec")
        exec(code, {"__name__": "sitecustomize", "__file__": spec.origin})


_mask_finders()
_mask_folders()
atexit.register(_note_origins)
_run_the_hidden_one()
