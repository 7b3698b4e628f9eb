"""Dependency injection: the container of an application, and the scope of a unit of work."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, Self, TypeVar, overload

from jararaca.core import diagnosis
from jararaca.core.lifecycle import take_down
from jararaca.core.plans import Plan, constant_plan, plan_of
from jararaca.core.recipes import Kind, Recipe, Recipes, value_recipe
from jararaca.core.resolution import Graph, Node
from jararaca.core.scope import Scope
from jararaca.core.singletons import Singletons
from jararaca.core.tokens import Key, Lifetime, ProviderSpec, Token, key_of
from jararaca.errors import InvalidDeclaration, InvalidProvider

__all__ = ["Container", "Override", "Scope"]

T = TypeVar("T")


class Declaration(Protocol):
    """What a container takes from an application: what may be built, and the classes that will be asked for."""

    @property
    def providers(self) -> Sequence[ProviderSpec | type]: ...
    @property
    def controllers(self) -> Sequence[type]: ...


class Override:
    """Something that stands in for a key until `undo` is called or the `with` block ends."""

    def __init__(self, key: Key, value: object, withdraw: Callable[["Override"], None]) -> None:
        self.key = key
        self.value = value
        self._withdraw = withdraw

    def undo(self) -> None:
        """Go back to what was there before. Overrides may be undone in any order: the last one left is in effect."""
        self._withdraw(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.undo()


class Container:
    """Builds the objects of an application from annotations and providers.

    Making one needs no event loop and builds nothing. It belongs to one event loop: it is not safe for threads. The
    key `Container` gives the container itself, the key `Scope` the scope of the unit of work.
    """

    def __init__(self, app: Declaration) -> None:
        self.plans: dict[Any, Plan] = {}
        self._recipes = Recipes(value_recipe(Container, self), Recipe(Scope, Kind.SCOPE, None, "Scope", lifetime="uow"))
        self._roots: list[Key] = [key_of(controller) for controller in app.controllers]
        self._overrides: dict[Key, list[Override]] = {}
        for provider in app.providers:
            self._recipes.register(_spec_of(provider))
        self._graph = Graph(self._recipes)
        self._singletons = Singletons(self._graph)

    def register(self, provider: ProviderSpec | type) -> None:
        """Add a provider. One that had the same key before is replaced, with everything that was built with it.

        Raises:
            InvalidProvider: it is neither a `ProviderSpec` nor a class that can be instantiated.
        """
        spec = _spec_of(provider)
        if (
            self._graph.is_untouched and not self._singletons
        ):  # nobody has asked for anything yet, so nothing follows from it
            self._recipes.register(spec)
        else:
            self._change(spec.key, lambda: self._recipes.register(spec))

    def require(self, key: object) -> None:
        """Say that something outside of the declaration will ask for `key`, so that `validate` looks at it too."""
        self._roots.append(key_of(key))

    def validate(self) -> None:
        """Find everything that keeps a provider, a controller or a required key from being built. Builds nothing.

        Raises:
            MissingProvider: something is needed, and neither registered nor a class that can be built.
            CircularDependency: something needs itself.
            ScopeViolation: an object of the process needs an object of a unit of work.
            UnresolvedAnnotation: an annotation is missing or cannot be evaluated.
            InvalidProvider: a provider is needed before it is built.
            InvalidDeclaration: several problems; `problems` has them all.
        """
        problems = self._graph.problems([*self._recipes, *self._roots])
        if len(problems) > 1:
            raise InvalidDeclaration(problems)
        if problems:
            raise problems[0]

    def scope_of(self, key: object) -> Lifetime:
        """How long the object behind a key lives: as long as the process ("app") or one unit of work ("uow").

        Raises:
            DeclarationError: it cannot be built; see `validate`.
        """
        return self._graph.node(key_of(key)).lifetime

    def get_by_type(self, key: Callable[..., T]) -> T:
        """The object behind a class, built now if it is not there yet.

        Raises:
            AsyncFactory: it, or something it needs, takes awaiting: use `resolve`.
            ScopeViolation: it lives for one unit of work: ask a scope.
            DeclarationError: it cannot be built; see `validate`.
        """
        found: T = self._singletons.get_now(self._singleton(key))
        return found

    def get_by_token(self, token: Token[T] | type[Token[T]]) -> T:
        """The object behind a token; see `get_by_type`."""
        found: T = self._singletons.get_now(self._singleton(token))
        return found

    @overload
    def find(self, key: type[Token[T]]) -> T | None: ...
    @overload
    def find(self, key: Token[T] | Callable[..., T]) -> T | None: ...
    def find(self, key: Any) -> Any:
        """The object behind a key, or None if no provider is registered for it; see `get_by_type`."""
        return self._singletons.get_now(self._singleton(key)) if key_of(key) in self._recipes else None

    @overload
    async def resolve(self, key: type[Token[T]]) -> T: ...
    @overload
    async def resolve(self, key: Token[T] | Callable[..., T]) -> T: ...
    async def resolve(self, key: Any) -> Any:
        """The object behind a key that lives as long as the process, built now if it is not there yet.

        Raises:
            ScopeViolation: it lives for one unit of work: ask a scope.
            DeclarationError: it cannot be built; see `validate`.
        """
        return await self._singletons.get(self._singleton(key))

    def override(self, key: object, value: object) -> Override:
        """Let `value` stand in for `key`, at once and until it is undone. Use the result in a `with`, or `undo()` it.

        What was built with the key, directly or not, is dropped and built anew at its next use; scopes that are open
        keep what they have. Dropped objects are disposed of on the spot if their generators are synchronous, else
        the next time that the container awaits.

        Raises:
            MissingProvider: no provider offers the key, and nothing that is declared or was asked for needs it.
            BaseException: what a disposal raised; the override is in effect nevertheless.
        """
        known = key_of(key)
        self._graph.problems([*self._recipes, *self._roots])
        if known not in self._graph.mentioned():
            raise diagnosis.unknown_override(known, self._graph.mentioned())
        override = Override(known, value, self._withdraw)
        self._overrides.setdefault(known, []).append(override)
        self._change(known, lambda: self._recipes.stand_in(known, value_recipe(known, value)))
        return override

    def is_overridden(self, key: object) -> bool:
        """Whether something stands in for `key` at the moment."""
        return bool(self._overrides.get(key_of(key)))

    def builds_at_once(self, key: object) -> bool:
        """Whether a scope's `get` would give the object behind a key now, with nothing to plan and nothing to await."""
        plan = self.plans.get(key)
        return plan is not None and not plan.awaits

    def built(self) -> list[object]:
        """The objects of the process that are built at this moment, for those who look on."""
        return self._singletons.everything()

    def open_scope(self) -> Scope:
        """A new scope, to be closed by the caller."""
        return Scope(self)

    async def start(self) -> None:
        """Build every registered provider of the process that is not built after the interceptors, in order.

        If one fails, what was built is disposed of and the error raised.
        """
        await self._build_registered(is_late=False)

    async def start_late(self) -> None:
        """Build the providers that are built after the interceptors, in order; see `start`."""
        await self._build_registered(is_late=True)

    async def close_late(self) -> None:
        """Dispose of what was built after the interceptors and of what needs it, in reverse order."""
        self.plans.clear()
        await self._singletons.close_late()

    async def close(self) -> None:
        """Dispose of everything, in reverse order, whatever single disposals raise. See `dispose` for errors."""
        self.plans.clear()
        await self._singletons.close()

    async def plan(self, spelling: object) -> Plan:
        """For scopes: how to build a key, once the objects of the process that it needs are there."""
        await self._singletons.dispose_dropped()
        order = self._graph.order(key_of(spelling))
        while missing := self._missing(order):
            for key in missing:
                await self._singletons.get(key)
            order = self._graph.order(key_of(spelling))  # something may have been replaced while it was awaited
        return self._keep_plan(spelling, order)

    def plan_now(self, spelling: object) -> Plan:
        """The same without awaiting.

        Raises:
            AsyncFactory: an object of the process is not built yet and takes awaiting.
        """
        order = self._graph.order(key_of(spelling))
        for key in self._missing(order):
            self._singletons.get_now(key)
        return self._keep_plan(spelling, order)

    def _keep_plan(self, spelling: object, order: list[Node]) -> Plan:
        root = order[-1]
        if root.lifetime == "app":
            plan = constant_plan(root.key, self._singletons.get_built(root.key))
        else:
            constants = {key: self._singletons.get_built(key) for key in _constants(order)}
            plan = plan_of([node for node in order if node.lifetime == "uow"], constants)
        self.plans[spelling] = plan
        return plan

    def _missing(self, order: list[Node]) -> list[Key]:
        return [key for key in _constants(order) if key not in self._singletons]

    def _singleton(self, spelling: object) -> Key:
        node = self._graph.node(key_of(spelling))
        if node.lifetime == "uow":
            raise diagnosis.outside_unit_of_work(node.key)
        return node.key

    async def _build_registered(self, *, is_late: bool) -> None:
        try:
            for key in tuple(self._recipes):
                node = self._graph.node(key)
                if node.lifetime == "app" and node.is_late is is_late:
                    await self._singletons.get(key)
        except BaseException as cause:
            await take_down(cause, self.close)
            raise

    def _withdraw(self, override: Override) -> None:
        stack = self._overrides.get(override.key, [])
        if override not in stack:
            return
        stack.remove(override)
        if stack:
            recipe = value_recipe(override.key, stack[-1].value)
            self._change(override.key, lambda: self._recipes.stand_in(override.key, recipe))
        else:
            self._change(override.key, lambda: self._recipes.step_back(override.key))

    def _change(self, key: Key, change: Callable[[], None]) -> None:
        """Replace what is behind `key`, and drop what was built with it before or should be built with it now."""
        outdated = self._graph.dependents(key)
        change()
        self._graph = Graph(self._recipes)
        self.plans.clear()
        self._singletons.replace_graph(self._graph, outdated)


def _spec_of(provider: object) -> ProviderSpec:
    if isinstance(provider, ProviderSpec):
        return provider
    if isinstance(provider, type):
        return ProviderSpec(provider, use_class=provider)
    raise InvalidProvider(f"{provider!r} is not a provider. Give a ProviderSpec(...) or a class.")


def _constants(order: list[Node]) -> list[Key]:
    """The keys of the objects of the process that a plan refers to: the root, or what a unit of work needs directly."""
    if order[-1].lifetime == "app":
        return [order[-1].key]
    needed = (node for short in order if short.lifetime == "uow" for node in short.needed if node.lifetime == "app")
    return list(dict.fromkeys(node.key for node in needed))
