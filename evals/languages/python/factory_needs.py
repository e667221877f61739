"""Tells which requirements the interpreter that runs it lacks, and what a setup.py asks for.

Reads a JSON document from stdin: `requirements`, and the path of a `setup` to read or null. The setup is
never run: only what is written out in it is known. Answers with one JSON document.
"""

import ast
import json
import re
import sys

_NAME = re.compile(r"\s*([A-Za-z0-9][\w.-]*)")


def _requirement_class():
    try:
        from packaging.requirements import Requirement
    except ImportError:
        try:
            from pip._vendor.packaging.requirements import Requirement
        except ImportError:
            return None
    return Requirement


def _is_met(text, requirement_class):
    from importlib.metadata import PackageNotFoundError, version

    specifier = None
    name = _NAME.match(text)
    if requirement_class is not None:
        try:
            requirement = requirement_class(text)
        except Exception:  # Not ours to judge: pip will.
            return True
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            return True
        name, specifier = requirement.name, requirement.specifier
    elif name is None or ";" in text:
        return True
    else:
        name = name[1]
    try:
        found = version(name)
    except PackageNotFoundError:
        return False
    return specifier is None or specifier.contains(found, prereleases=True)


class _Names(dict):
    """What module-level names are, where that is written out."""

    def value(self, node):
        if isinstance(node, ast.Name):
            return self.get(node.id)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
            return {it.arg: self.value(it.value) for it in node.keywords if it.arg}
        if isinstance(node, (ast.List, ast.Tuple)):
            return [self.value(it) for it in node.elts]
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values)
            return {self.value(key): self.value(value) for key, value in pairs if key is not None}
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self.value(node.left), self.value(node.right)
            return left + right if type(left) is type(right) and left is not None else left or right
        try:
            return ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError):
            return None


def _texts(value):
    if isinstance(value, str):
        value = value.splitlines()
    return [it.strip() for it in value or [] if isinstance(it, str) and it.strip()]


def _of_setup(path):
    with open(path, "rb") as file:
        tree = ast.parse(file.read())
    names, told = _Names(), {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names[node.targets[0].id] = names.value(node.value)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "setup":
            told.update({it.arg: names.value(it.value) for it in node.keywords if it.arg})
    extras = told.get("extras_require")
    extras = extras if isinstance(extras, dict) else {}
    return {
        "install": _texts(told.get("install_requires")),
        "tests": _texts(told.get("tests_require")),
        "extras": {str(name): _texts(value) for name, value in extras.items()},
    }


def main():
    asked = json.load(sys.stdin)
    requirement_class = _requirement_class()
    missing = [it for it in asked["requirements"] if not _is_met(it, requirement_class)]
    setup = {"install": [], "tests": [], "extras": {}}
    if asked["setup"]:
        try:
            setup = _of_setup(asked["setup"])
        except (OSError, SyntaxError, ValueError):
            pass
    print(json.dumps({"missing": missing, "setup": setup}))


main()
