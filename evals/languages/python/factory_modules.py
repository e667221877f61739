"""Tells which modules some installed distributions bring.

Reads a JSON document from stdin: `names` of distributions, and the project's `own` name. Answers with the
modules of each that is installed and that nothing but an import can make use of: one with entry points
may be a program or a plugin, one with a `.pth` file acts at start-up, one that another distribution names
may be what that needs, and one without modules acts through what it depends on.
"""

import json
import re
import sys
from importlib import metadata

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MODULE = re.compile(r"^([A-Za-z_]\w*)(\.py|\..*\.(so|pyd)|\.(so|pyd))$")


def _plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def _modules(distribution):
    if list(distribution.entry_points) or distribution.files is None:
        return []
    found = set()
    for file in distribution.files:
        if file.suffix == ".pth" or file.parts[0].endswith("-stubs"):
            return []
        module = _MODULE.match(file.name)
        if len(file.parts) > 1 and file.suffix in (".py", ".so", ".pyd"):
            found.add(file.parts[0])
        elif module:
            found.add(module[1])
    return sorted(it for it in found if it.isidentifier())


def main():
    asked = json.load(sys.stdin)
    names = {_plain(it): it for it in asked["names"]}
    own = _plain(asked["own"] or "")
    modules, needed = {}, set()
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if not name or _plain(name) == own:
            continue
        for requirement in distribution.requires or []:
            required = _NAME.match(requirement)
            if required and _plain(required[0]) != _plain(name):
                needed.add(_plain(required[0]))
        if _plain(name) in names and _plain(name) not in modules:
            modules[_plain(name)] = _modules(distribution)
    print(json.dumps({names[it]: found for it, found in modules.items() if found and it not in needed}))


main()
