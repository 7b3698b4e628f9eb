"""The named shapes of a client, and how to find what a name stands for."""

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from jararaca.typescript.generator import MEMBERS, Filled, Generic, Schema, referred
from jararaca.typescript.generics import generic_ones, named_parameters, references, substituted
from jararaca.typescript.model import NULL, Constant, Enumeration, Model, Plain, Reference, Shape, references_in
from jararaca.typescript.names import Names, pascal
from jararaca.typescript.shapes import Shapes, constant


class Vocabulary:
    """Gives every definition an identifier, in an order that depends on nothing but their names.

    Those in `inline` get none: they are written out where they are used. Neither do those of the `filled` ones that can
    be written as the declaration of their class, with arguments; that has an identifier then.
    """

    def __init__(
        self,
        definitions: Mapping[str, Schema],
        names: Names,
        *,
        filled: Mapping[str, Filled] = MappingProxyType({}),
        inline: Container[str] = (),
    ) -> None:
        self.definitions = definitions
        plain = _plain_names([name for name in definitions if name not in inline], definitions)
        generic = generic_ones(definitions, plain, {name: each for name, each in filled.items() if name in plain})
        self._forms = {name: each for name, each in generic.items() if name == each.form}
        taken = _taken_names({each for name, each in plain.items() if name not in generic}, names)
        taken |= _taken_by_forms({plain[name]: each.generic for name, each in self._forms.items()}, names)
        identifiers = {name: taken[plain[name]] for name in plain if name not in generic or name in self._forms}
        self._names = {identifier: name for name, identifier in sorted(identifiers.items(), reverse=True)}
        self._scope = names.within()
        self.references = references(definitions, identifiers, generic)
        self.shapes = Shapes(definitions, self.references)
        self._targets = {shape: name for name, shape in sorted(self.references.items(), reverse=True)}
        self._shapes: dict[str, Shape] = {}

    def resolved(self, shape: Shape) -> Shape:
        """What a reference stands for, or the shape itself. An enumeration stays a reference."""
        seen: set[str] = set()
        while (name := self._targets.get(shape)) is not None and name not in seen:
            seen.add(name)
            if _members(self.definitions[name]) is not None:
                break
            shape = self._shape(name)
        return shape

    def constants(self, shape: Shape) -> tuple[Shape, ...]:
        """The values of an enumeration; nothing if the shape is none."""
        name = self._targets.get(shape)
        members = None if name is None else _members(self.definitions[name])
        return tuple(NULL if json == "null" else Constant(json) for _name, json in members or ())

    def is_open(self, shape: Shape) -> bool:
        """Whether a shape is an enumeration that has other values beside its constants."""
        name = self._targets.get(shape)
        return name is not None and MEMBERS in self.definitions[name] and "enum" not in self.definitions[name]

    def inlined(self, schema: Any) -> Any:
        """The schema, or what it refers to if that has no name here."""
        name = referred(schema)
        return schema if name is None or name in self.references else self.definitions.get(name, schema)

    def reached_from(self, shapes: Iterable[Shape]) -> frozenset[str]:
        """The identifiers of everything that shapes name, and of what that names in turn."""
        found: set[str] = set()
        left = [name for shape in shapes for name in references_in(shape)]
        while left:
            name = left.pop()
            if name in self._names and name not in found:
                found.add(name)
                left += references_in(self._shape(self._names[name]))
        return frozenset(found)

    def models(self, wanted: Container[str]) -> Iterator[Model]:
        """What is no enumeration, sorted."""
        for identifier, name in sorted(self._names.items()):
            schema = self.definitions[name]
            if identifier in wanted and _members(schema) is None:
                model = Model(identifier, self._shape(name), _docs(schema), bool(schema.get("deprecated")))
                form = self._forms.get(name)
                yield model if form is None else self._with_parameters(model, form)

    def enumerations(self, wanted: Container[str]) -> Iterator[Enumeration]:
        """Enums whose values are scalars, sorted."""
        for identifier, name in sorted(self._names.items()):
            schema = self.definitions[name]
            members = _members(schema)
            if identifier in wanted and members is not None:
                yield Enumeration(identifier, members, _docs(schema), is_open="enum" not in schema)

    def _with_parameters(self, model: Model, form: Filled) -> Model:
        """The declaration of a form. No type parameter hides another name of the file."""
        scope = self._scope.within()
        names = tuple(scope.take(pascal(each), f"{pascal(each)}Type") for each in form.generic.parameters)
        docs = form.docs(self.definitions[form.form])
        return replace(model, shape=substituted(model.shape, named_parameters(names)), docs=docs, parameters=names)

    def _shape(self, name: str) -> Shape:
        if name not in self._shapes:
            self._shapes[name] = self.shapes.of(self.definitions[name])
        return self._shapes[name]


def _taken_names(plain: Iterable[str], names: Names) -> dict[str, str]:
    """Identifiers by plain names, which get what they are called like if they can."""
    wished = {name: pascal(name) for name in plain}
    ordered = sorted(wished, key=lambda each: (wished[each] != each, each))
    return {name: names.take(wished[name], f"{wished[name]}Model") for name in ordered}


def _taken_by_forms(forms: Mapping[str, Generic], names: Names) -> dict[str, str]:
    """Identifiers of generic declarations: the name of the class, with that of its module if another one has it."""
    origins = {(each.origin.__name__, each.origin) for each in forms.values()}
    counts = Counter(name for name, _origin in origins)
    taken = {}
    for name, each in sorted(forms.items()):
        mode = _MODE.search(name)
        way = "" if mode is None else mode.group().removeprefix("-")
        short = pascal(each.origin.__name__) + way
        whole = pascal(f"{each.origin.__module__}.{each.origin.__qualname__}") + way
        taken[name] = names.take(*([short] if counts[each.origin.__name__] == 1 else []), whole, f"{whole}Model")
    return taken


_MODE = re.compile(r"-(?:Input|Output)(?=$|__\d+$)")


def _plain_names(names: Sequence[str], definitions: Mapping[str, Schema]) -> dict[str, str]:
    """Each name without its mode, where a model is the same in both.

    pydantic tells the modes of a model apart that refers to itself, and of all that refer to it, because the references
    differ. So all are taken to be the same at first, and told apart as long as one of them differs.
    """
    pairs: dict[str, list[str]] = {}
    for name in names:
        if _MODE.search(name) and _MODE.sub("", name) not in definitions:
            pairs.setdefault(_MODE.sub("", name), []).append(name)
    joined = {name: plain for plain, modes in pairs.items() if len(modes) == 2 for name in modes}
    while True:
        shapes = Shapes(definitions, {name: Reference(joined.get(name, name)) for name in names})
        found = {name: (shapes.of(definitions[name]), _docs(definitions[name])) for name in joined}
        differing = {plain for plain in joined.values() if len({found[name] for name in pairs[plain]}) > 1}
        if not differing:
            return {name: joined.get(name, name) for name in names}
        joined = {name: plain for name, plain in joined.items() if plain not in differing}


def _members(schema: Schema) -> tuple[tuple[str, str], ...] | None:
    """Names and values of an enum, if they can be constants of TypeScript."""
    said = schema.get(MEMBERS)
    if not said:
        return None
    shapes = [(name, constant(value)) for name, value in said]
    if any(not hasattr(shape, "json") and shape != Plain("null") for _name, shape in shapes):
        return None
    return tuple((name, getattr(shape, "json", "null")) for name, shape in shapes)


def _docs(schema: Schema) -> str:
    docs = schema.get("description")
    return docs if isinstance(docs, str) else ""
