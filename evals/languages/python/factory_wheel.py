"""Builds the project's wheel with its own backend, and puts what the tree lacks of it into the tree.

Asked in its argument as JSON: the backend, where wheels and build products are kept, the folders that
packages are imported from, and whether the last wheel still holds.
"""

import importlib
import json
import os
import sys
import zipfile

LIBRARIES = (".so", ".pyd", ".dylib", ".dll")


def built(question):
    """Returns the path of the wheel, made anew unless the last one holds."""
    wheels = os.path.join(question["folder"], "wheels")
    os.makedirs(wheels, exist_ok=True)
    made = [os.path.join(wheels, it) for it in os.listdir(wheels)]
    if question["holds"] and len(made) == 1:
        return made[0]
    for path in made:
        os.remove(path)
    sys.path[:0] = question["backend_path"]
    module, _, attributes = question["backend"].partition(":")
    backend = importlib.import_module(module)
    for name in filter(None, attributes.split(".")):
        backend = getattr(backend, name)
    return os.path.join(wheels, backend.build_wheel(wheels, question["settings"]))


def imported_as(name):
    """Returns where a member of a wheel is installed, `None` for what is not imported."""
    first, _, rest = name.partition("/")
    if first.endswith(".dist-info") or name.endswith("/"):
        return None
    if first.endswith(".data"):
        kind, _, rest = rest.partition("/")
        return rest if kind in ("platlib", "purelib") else None
    return name


def unpack(wheel, roots, ours):
    """Writes libraries, and files that the tree does not have; returns what was written."""
    written = []
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            path = imported_as(name)
            if path is None:
                continue
            top = path.split("/")[0]
            homes = [it for it in roots if os.path.exists(os.path.join(it, top))]
            place = os.path.join((homes or roots)[0], path)
            if not place.endswith(LIBRARIES) and os.path.exists(place) and place not in ours:
                continue
            os.makedirs(os.path.dirname(place), exist_ok=True)
            # A process that has the old library open keeps it.
            with open(place + ".new", "wb") as file:
                file.write(archive.read(name))
            os.replace(place + ".new", place)
            written.append(place)
    return written


def main():
    question = json.loads(sys.argv[1])
    record = os.path.join(question["folder"], "written.json")
    ours = []
    if os.path.exists(record):
        with open(record) as file:
            ours = json.load(file)
    written = unpack(built(question), question["roots"], set(ours))
    with open(record, "w") as file:
        json.dump(written, file)


main()
