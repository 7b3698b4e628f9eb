"""What is found wrong with a declaration before anything starts, and how it is said."""

import enum
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NewType, Protocol, TypedDict

import pytest

from jararaca.core.container import Container, Scope
from jararaca.core.microservice import Microservice
from jararaca.core.tokens import ProviderSpec, Token
from jararaca.errors import (
    CircularDependency,
    DeclarationError,
    InvalidDeclaration,
    InvalidProvider,
    MissingProvider,
    ScopeViolation,
    UnresolvedAnnotation,
)


class PaymentsGateway(Protocol):
    def charge(self) -> None: ...


class PaymentGateway:
    pass


class Checkout:
    def __init__(self, gateway: PaymentsGateway) -> None: ...


class OrdersController:
    def __init__(self, checkout: Checkout) -> None: ...


class Session:
    pass


SESSION = ProviderSpec(Session, use_class=Session, scope="uow")


class Repository:
    def __init__(self, session: Session) -> None: ...


class Mailer:
    def __init__(self, repository: Repository) -> None: ...


class Left:
    def __init__(self, right: "Right") -> None: ...


class Right:
    def __init__(self, left: Left) -> None: ...


def container(*providers: ProviderSpec | type, controllers: tuple[type, ...] = ()) -> Container:
    return Container(Microservice(providers=providers, controllers=controllers))


def problem_of(declared: Container) -> DeclarationError:
    with pytest.raises(DeclarationError) as caught:
        declared.validate()
    return caught.value


def test_an_empty_declaration_is_valid() -> None:
    container().validate()


def test_what_is_missing_is_named_with_its_place_the_nearest_name_and_the_next_move() -> None:
    error = problem_of(container(PaymentGateway, controllers=(Checkout,)))
    assert isinstance(error, MissingProvider)
    assert str(error) == (
        "Checkout.__init__(gateway) needs PaymentsGateway, but no provider offers it. The closest registered name is "
        "PaymentGateway. Add ProviderSpec(PaymentsGateway, ...) to Microservice(providers=[...])."
    )
    assert error.key is PaymentsGateway


def test_the_whole_way_to_what_is_missing_is_shown() -> None:
    error = problem_of(container(controllers=(OrdersController,)))
    assert isinstance(error, MissingProvider)
    assert "The way to it: OrdersController -> Checkout -> PaymentsGateway." in str(error)
    assert error.path == ("OrdersController", "Checkout", "PaymentsGateway")


def test_a_provider_under_a_name_is_pointed_at() -> None:
    error = problem_of(
        container(ProviderSpec(Token(PaymentsGateway, "STRIPE"), use_value=object()), controllers=(Checkout,))
    )
    assert "Annotated[..., Token(PaymentsGateway, 'STRIPE')] to get that one" in str(error)


def test_a_missing_text_is_advised_to_get_a_name() -> None:
    def connect(url: str) -> None: ...

    error = problem_of(container(ProviderSpec(Session, use_factory=connect)))
    assert 'Annotated[str, Token(str, "NAME")]' in str(error)


def test_a_missing_root_is_named_without_a_place() -> None:
    with pytest.raises(MissingProvider, match=r"^PaymentsGateway is asked for, but no provider offers it"):
        container().get_by_type(PaymentsGateway)


class Marker(ABC):  # noqa: B024 -- it has no abstract method, and is abstract all the same
    pass


class Store(ABC):
    @abstractmethod
    def load(self) -> None: ...


class Colour(enum.Enum):
    RED = 1


class Options(TypedDict):
    size: int


UserId = NewType("UserId", int)


@pytest.mark.parametrize("key", [str, dict, Path, Marker, Store, Colour, Options, UserId, list[Session]])
def test_what_makes_no_sense_without_a_provider_is_not_built(key: Any) -> None:
    declared = container()
    declared.require(key)
    assert isinstance(problem_of(declared), MissingProvider)


def test_an_alias_to_nothing_is_missing() -> None:
    error = problem_of(container(ProviderSpec(Session, use_existing=PaymentsGateway)))
    assert str(error).startswith("ProviderSpec(Session) needs PaymentsGateway, but no provider offers it.")


def test_classes_that_need_each_other_are_a_circle() -> None:
    error = problem_of(container(controllers=(Left,)))
    assert isinstance(error, CircularDependency)
    assert error.path == ("Left", "Right", "Left")
    assert str(error).startswith("Left needs itself: Left -> Right -> Left.")


def test_aliases_of_each_other_are_a_circle() -> None:
    error = problem_of(container(ProviderSpec(Left, use_existing=Right), ProviderSpec(Right, use_existing=Left)))
    assert isinstance(error, CircularDependency)


def test_a_circle_is_shown_without_the_way_that_leads_to_it() -> None:
    class Entry:
        def __init__(self, left: Left) -> None: ...

    error = problem_of(container(controllers=(Entry,)))
    assert isinstance(error, CircularDependency)
    assert error.path == ("Left", "Right", "Left")


def test_an_object_of_the_process_may_not_need_one_of_a_unit_of_work() -> None:
    error = problem_of(container(SESSION, Repository))
    assert isinstance(error, ScopeViolation)
    assert "Repository.__init__(session) needs Session, which lives for one unit of work. Register" in str(error)
    assert 'scope="uow"' in str(error)


def test_a_scope_is_violated_through_classes_without_provider_too() -> None:
    error = problem_of(container(SESSION, Mailer))
    assert isinstance(error, ScopeViolation)
    assert "(through Repository -> Session)" in str(error)


def test_the_scope_is_a_thing_of_units_of_work() -> None:
    def make(scope: Scope) -> None: ...

    assert isinstance(problem_of(container(ProviderSpec(Session, use_factory=make))), ScopeViolation)


def test_an_optional_need_may_violate_a_scope_as_well() -> None:
    def make(session: Session | None) -> None: ...

    assert isinstance(problem_of(container(SESSION, ProviderSpec(Repository, use_factory=make))), ScopeViolation)


def test_a_provider_may_not_need_what_is_built_after_the_interceptors() -> None:
    error = problem_of(container(ProviderSpec(Session, use_class=Session, after_interceptors=True), Repository))
    assert isinstance(error, InvalidProvider)
    assert str(error) == (
        "Repository is built before the interceptors, but Repository.__init__(session) needs Session, which is built "
        "after them. Register Repository with after_interceptors=True as well."
    )


def test_a_class_without_provider_waits_for_the_interceptors_with_what_it_needs() -> None:
    late = ProviderSpec(Session, use_class=Session, after_interceptors=True)
    container(late, controllers=(Repository,)).validate()


def test_an_unreadable_provider_is_found_by_validation_and_not_before() -> None:
    def make(unknown): ...  # type: ignore[no-untyped-def]

    assert isinstance(problem_of(container(ProviderSpec(Session, use_factory=make))), UnresolvedAnnotation)


def test_all_problems_are_found_at_once() -> None:
    error = problem_of(container(SESSION, Repository, controllers=(Left, Checkout, OrdersController)))
    assert isinstance(error, InvalidDeclaration)
    assert [type(problem) for problem in error.problems] == [ScopeViolation, CircularDependency, MissingProvider]
    assert "has 3 problems" in str(error)
    assert "\n3. Checkout.__init__(gateway) needs" in str(error)


def test_one_class_may_have_several_problems() -> None:
    class Broken:
        def __init__(self, gateway: PaymentsGateway, store: Store) -> None: ...

    error = problem_of(container(controllers=(Broken,)))
    assert isinstance(error, InvalidDeclaration)
    assert len(error.problems) == 2


def test_what_others_require_is_looked_at_too() -> None:
    declared = container()
    declared.require(Checkout)
    assert isinstance(problem_of(declared), MissingProvider)


@pytest.mark.parametrize("provider", ["Session", 3, None, lambda: 1])
def test_only_providers_and_classes_are_registered(provider: Any) -> None:
    with pytest.raises(InvalidProvider, match=r"Give a ProviderSpec\(...\) or a class"):
        container(provider)


@pytest.mark.parametrize(
    ("key", "lifetime"),
    [
        (Session, "uow"),
        (Repository, "uow"),
        (Mailer, "uow"),
        (Scope, "uow"),
        (PaymentGateway, "app"),
        (Container, "app"),
        (Token(Session, "ALIAS"), "uow"),
    ],
)
def test_a_class_without_provider_lives_as_long_as_what_it_needs(key: object, lifetime: str) -> None:
    declared = container(SESSION, ProviderSpec(Token(Session, "ALIAS"), use_existing=Session))
    assert declared.scope_of(key) == lifetime


def test_the_scope_of_what_cannot_be_built_is_an_error() -> None:
    with pytest.raises(MissingProvider):
        container().scope_of(Checkout)


def test_a_default_is_enough_where_nothing_is_provided() -> None:
    def make(gateway: PaymentsGateway | None, size: int = 3, *, also: Annotated[str, "x"] = "") -> None: ...

    container(ProviderSpec(Session, use_factory=make)).validate()


def test_validation_calls_nothing() -> None:
    calls: list[Callable[..., Any]] = []
    container(ProviderSpec(Session, use_factory=lambda: calls.append(list))).validate()
    assert calls == []
