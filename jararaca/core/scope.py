"""The objects of one unit of work."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol, Self, TypeVar, overload

from jararaca.core.construction import Construction
from jararaca.core.disposal import Opened, dispose
from jararaca.core.plans import Plan
from jararaca.core.tokens import Key, Token, name_of
from jararaca.errors import AsyncFactory, UsageError

T = TypeVar("T")


class Planner(Protocol):
    """Makes plans, and keeps them in `plans` under the spelling they were asked for."""

    plans: dict[Any, Plan]

    async def plan(self, spelling: object) -> Plan: ...
    def plan_now(self, spelling: object) -> Plan: ...


class Scope:
    """Builds what lives for one unit of work, once each, and disposes of it at the end.

    Several coroutines of one unit of work may share it. What is overridden in the meantime concerns only what is not
    built here yet.
    """

    __slots__ = ("_planner", "_plans", "built", "is_closed", "opened", "pending")

    def __init__(self, planner: Planner) -> None:
        self._planner = planner
        self._plans: Mapping[Any, Plan] = planner.plans
        self.built: dict[Key, Any] = {}
        self.opened: list[Opened] = []
        self.pending: dict[Key, Construction | None] = {}
        self.is_closed = False

    @overload
    def resolve(self, key: type[Token[T]]) -> Coroutine[Any, Any, T]: ...
    @overload
    def resolve(self, key: Token[T] | Callable[..., T]) -> Coroutine[Any, Any, T]: ...
    def resolve(self, key: Any) -> Coroutine[Any, Any, Any]:
        """Await this to get the object behind a key, built if it is not there yet.

        Raises:
            DeclarationError: it cannot be built; see `Container.validate`.
            UsageError: the unit of work has ended.
        """
        plan: Plan | None = self._plans.get(key)
        if plan is not None and plan.awaits:
            coroutine: Coroutine[Any, Any, Any] = plan.build(self)  # not wrapped once more: this is a hot path
            return coroutine
        return self._resolve(key, plan)

    async def _resolve(self, key: object, plan: Plan | None) -> Any:
        if plan is None:
            self._check_open(key)
            plan = await self._planner.plan(key)
            self._check_open(key)
        return await plan.build(self) if plan.awaits else plan.build(self)

    @overload
    def get(self, key: type[Token[T]]) -> T: ...
    @overload
    def get(self, key: Token[T] | Callable[..., T]) -> T: ...
    def get(self, key: Any) -> Any:
        """The same without awaiting, for what is built already or has synchronous factories only.

        Raises:
            AsyncFactory: it, or something it needs, takes awaiting.
            DeclarationError, UsageError: see `resolve`.
        """
        plan: Plan | None = self._plans.get(key)
        if plan is None:
            self._check_open(key)
            plan = self._planner.plan_now(key)
        if not plan.awaits:
            return plan.build(self)
        if plan.key in self.built:
            return self.built[plan.key]
        raise AsyncFactory(
            f"{name_of(key)} cannot be built without awaiting: {plan.awaited} is async. "
            f"Use await scope.resolve({name_of(key)})."
        )

    def close(self, error: BaseException | None = None) -> Coroutine[Any, Any, None]:
        """Await this to dispose of what was built, last one first. `error` is what ended the unit of work, if anything.

        Generators get it raised at their `yield`; see `dispose`. Closing again has no effect.

        Raises:
            BaseException: what the disposal of one object raised.
            BaseExceptionGroup: what several raised.
        """
        opened, self.opened = self.opened, []
        self.is_closed = True
        self._plans = _NO_PLANS
        return dispose(opened, error)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        await self.close(error)

    def _check_open(self, key: object) -> None:
        if self.is_closed:
            raise UsageError(
                f"{name_of(key)} is asked of a scope that is closed. Resolve it before the unit of work ends."
            )


_NO_PLANS: Mapping[Any, Plan] = {}
