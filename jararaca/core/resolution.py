"""Who needs whom: recipes linked to a graph, before anything is built.

Nothing here calls user code. A graph is made for one set of recipes and thrown away when it changes; what cannot be
linked is a value (an exception that is not raised yet), so that all problems of a declaration can be shown at once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import get_origin

from jararaca.core import diagnosis
from jararaca.core.recipes import Recipe, Recipes, is_buildable
from jararaca.core.signatures import Need
from jararaca.core.tokens import Key, Lifetime, name_of
from jararaca.errors import DeclarationError


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A recipe whose needs are found.

    `arguments` pairs each parameter with the node that fills it; None means that its default is used. `is_late`: it
    cannot be built before the interceptors, because it or something it needs is built after them.
    """

    recipe: Recipe
    arguments: tuple[tuple[Need, "Node | None"], ...]
    lifetime: Lifetime
    is_late: bool

    @property
    def key(self) -> Key:
        return self.recipe.key

    @property
    def needed(self) -> Iterator["Node"]:
        """The nodes that are built before this one."""
        return (node for _, node in self.arguments if node is not None)


class Graph:
    """The nodes of one set of recipes, linked when they are asked for first."""

    def __init__(self, recipes: Recipes) -> None:
        self._recipes = recipes
        self._nodes: dict[Key, Node] = {}
        self._problems: dict[Key, tuple[DeclarationError, ...]] = {}
        self._needs: dict[Key, set[Key]] = {}

    @property
    def is_untouched(self) -> bool:
        """Whether nobody has asked for anything yet."""
        return not self._needs

    def node(self, key: Key) -> Node:
        """The node of a key.

        Raises:
            DeclarationError: it, or something it needs, cannot be built. The first problem that was found.
        """
        node = self._link(key, ())
        if node is None:
            raise self._problems[key][0]
        return node

    def problems(self, roots: Iterable[Key]) -> list[DeclarationError]:
        """Everything that keeps any of `roots` from being built, each problem once."""
        found: dict[int, DeclarationError] = {}
        for root in roots:
            if self._link(root, ()) is None:
                found.update((id(problem), problem) for problem in self._problems[root])
        return list(found.values())

    def order(self, key: Key) -> list[Node]:
        """The node of `key` and all it needs, needed ones first.

        Raises:
            DeclarationError: see `node`.
        """
        ordered: dict[Key, Node] = {}
        _walk(self.node(key), ordered)
        return list(ordered.values())

    def mentioned(self) -> set[Key]:
        """Every key that is registered, or that something asked for so far needs, whether it can be built or not."""
        return set(self._recipes).union(self._needs, *self._needs.values())

    def dependents(self, key: Key) -> set[Key]:
        """`key` and everything asked for so far that needs it, directly or not."""
        found = {key}
        size = 0
        while size < len(found):
            size = len(found)
            found.update(each for each, needs in self._needs.items() if not found.isdisjoint(needs))
        return found

    def _link(self, key: Key, path: tuple[Key, ...]) -> Node | None:
        """The node of `key`, reached by `path`; None if there are problems, which are kept then."""
        if key in self._nodes or key in self._problems:
            return self._nodes.get(key)
        self._needs.setdefault(key, set())
        try:
            recipe = self._recipe(key)
        except DeclarationError as problem:
            self._problems[key] = (problem,)
            return None
        problems: list[DeclarationError] = []
        arguments = tuple((need, self._argument(recipe, need, (*path, key), problems)) for need in recipe.needs)
        node = _checked(recipe, arguments, problems)
        if problems:
            self._problems[key] = tuple(problems)
            return None
        self._nodes[key] = node
        return node

    def _recipe(self, key: Key) -> Recipe:
        if key not in self._recipes and not is_buildable(key):
            raise diagnosis.missing_provider(key, self._recipes)
        return self._recipes.read(key)

    def _argument(
        self, recipe: Recipe, need: Need, path: tuple[Key, ...], problems: list[DeclarationError]
    ) -> Node | None:
        if need.key is None:
            return None
        target = self._provided(need.key)
        self._needs[recipe.key].update((need.key, target, get_origin(need.key) or target))
        if target not in self._recipes and not need.is_required:
            return None
        names = tuple(map(name_of, path))
        if target in path:
            problems.append(diagnosis.circular_dependency(names, name_of(target)))
        elif target not in self._recipes and not is_buildable(target):
            self._needs.setdefault(target, set())
            problems.append(diagnosis.missing_provider(target, self._recipes, path=names, recipe=recipe, need=need))
        elif (node := self._link(target, path)) is not None:
            return node
        else:
            problems.extend(self._problems[target])
        return None

    def _provided(self, key: Key) -> Key:
        """The key itself, or the class behind a generic alias if only that one is registered."""
        origin = get_origin(key)
        return origin if key not in self._recipes and origin in self._recipes else key


def _walk(node: Node, ordered: dict[Key, Node]) -> None:
    if node.key not in ordered:
        for needed in node.needed:
            _walk(needed, ordered)
        ordered[node.key] = node


def _checked(recipe: Recipe, arguments: tuple[tuple[Need, Node | None], ...], problems: list[DeclarationError]) -> Node:
    """The node of a recipe, and what is wrong with the lifetimes of its arguments."""
    short = [(need, node) for need, node in arguments if node is not None and node.lifetime == "uow"]
    late = [(need, node) for need, node in arguments if node is not None and node.is_late]
    if recipe.lifetime == "app" and short:
        need, node = short[0]
        problems.append(diagnosis.scope_violation(recipe, need, _way_to_unit_of_work(node)))
    if recipe.lifetime == "app" and late and not recipe.is_late:
        problems.append(diagnosis.built_too_early(recipe, late[0][0]))
    lifetime = recipe.lifetime or ("uow" if short else "app")
    return Node(recipe, arguments, lifetime, is_late=recipe.is_late or bool(late))


def _way_to_unit_of_work(node: Node) -> list[str]:
    """From a node that lives for a unit of work down to the provider that says so."""
    way = [name_of(node.key)]
    while node.recipe.lifetime is None:
        node = next(needed for needed in node.needed if needed.lifetime == "uow")
        way.append(name_of(node.key))
    return way
