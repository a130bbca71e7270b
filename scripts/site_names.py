"""Griffe extension of mkdocs.yml: how the package is read for the reference.

``funnel = funnel`` in a class, or ``page = page_for`` in a module, names a function: read as text it is an attribute,
and its page should be that of what it names. Parameters that a docstring describes together have each their own type.
"""

from __future__ import annotations

from typing import Any

import griffe

__all__ = ["Names"]


class Names(griffe.Extension):
    """Makes attributes that only name another object of the package aliases of it, and mends types of parameters."""

    def on_package(self, *, pkg: griffe.Module, loader: griffe.GriffeLoader, **_: Any) -> None:
        """Go through a package once all of it is read."""
        self._name(pkg, pkg.path)

    def _name(self, inside: griffe.Module | griffe.Class, package: str) -> None:
        for name, member in list(inside.members.items()):
            if member.is_alias:
                continue
            if isinstance(member, griffe.Function) or (
                isinstance(member, griffe.Class) and "__init__" in member.members
            ):
                _type_each(member)
            if isinstance(member, griffe.Module | griffe.Class):
                self._name(member, package)
            elif isinstance(member, griffe.Attribute) and (path := _named(member)).startswith(f"{package}."):
                inside.set_member(name, griffe.Alias(name, path, lineno=member.lineno, parent=inside))


def _named(attribute: griffe.Attribute) -> str:
    """The path of what an attribute of a class or module only names; nothing if it is more than that."""
    inside, value = attribute.parent, attribute.value
    of_class = {"class-attribute", "module-attribute"} & attribute.labels
    if inside is None or not of_class or not isinstance(value, griffe.ExprName):
        return ""
    # `funnel = funnel` in a class is the function of its module.
    scope = inside.module if value.name == attribute.name else inside
    imported = scope.imports.get(value.name)
    if imported is not None:
        return imported
    found = scope.members.get(value.name)
    return found.path if found is not None and found is not attribute else ""


def _type_each(described: griffe.Function | griffe.Class) -> None:
    """Give each parameter in a docstring the type and the default that it has in the signature."""
    sections = described.docstring.parsed if described.docstring is not None else []
    for section in sections:
        if isinstance(section, griffe.DocstringSectionParameters):
            for parameter in section.value:
                if parameter.name in described.parameters:
                    declared = described.parameters[parameter.name]
                    parameter.annotation, parameter.value = declared.annotation, declared.default
