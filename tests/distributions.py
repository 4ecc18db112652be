"""What an installation brings, told by the metadata of what is installed here."""

import re
from importlib import metadata


def requirements(group: str, groups: dict[str, list]) -> set[str]:
    """Names in a dependency group, groups that it includes too."""
    names = set()
    for entry in groups[group]:
        if isinstance(entry, str):
            names.add(entry)
        else:
            names |= requirements(entry["include-group"], groups)
    return names


def closure(specifications: set[str]) -> set[str]:
    """All distributions that installing these brings, as the installed metadata tell."""
    found: set[str] = set()
    todo = list(specifications)
    while todo:
        name, extras = re.match(r"([\w.-]+)(?:\[([\w,-]+)\])?", todo.pop()).groups()
        name = re.sub(r"[-_.]+", "-", name).lower()
        if name in found:
            continue
        found.add(name)
        for required in metadata.requires(name) or ():
            requirement, _, marker = required.partition(";")
            wanted = re.findall(r"extra == ['\"]([\w-]+)['\"]", marker)
            chosen = not wanted or set(wanted) & set((extras or "").split(","))
            if chosen and not re.search("win32|Windows|python_version <", marker):
                todo.append(requirement.strip())
    return found
