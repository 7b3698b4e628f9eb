"""What is read from the annotations of classes and functions."""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, TypeVar, Union

import pytest
from pydantic import BaseModel, Field
from pydantic_settings import BaseSettings

from jararaca.core.signatures import Need, needs_of, owner_of
from jararaca.core.tokens import UNSET, Token
from jararaca.errors import InvalidProvider, MissingProvider, UnresolvedAnnotation

if TYPE_CHECKING:
    from decimal import Decimal

T = TypeVar("T")


class Clock:
    pass


class Engine:
    pass


class Repository(Generic[T]):
    pass


CACHE = Token(Engine, "CACHE")


def keys(target: Callable[..., Any]) -> list[object]:
    return [need.key for need in needs_of(target)]


def test_a_class_without_constructor_needs_nothing() -> None:
    assert needs_of(Clock) == ()


def test_a_required_parameter_is_a_need() -> None:
    def make(clock: Clock) -> None: ...

    assert needs_of(make) == (Need("clock", Clock, is_required=True),)


def test_a_parameter_with_a_default_can_be_left_out() -> None:
    def make(clock: Clock = Clock()) -> None: ...  # noqa: B008 -- what a default does is the subject

    assert needs_of(make) == (Need("clock", Clock, is_required=False, default=UNSET),)


def test_a_parameter_without_annotation_but_with_a_default_is_left_alone() -> None:
    def make(clock=None): ...  # type: ignore[no-untyped-def]

    assert needs_of(make) == (Need("clock", None, is_required=False),)


@pytest.mark.parametrize("annotation", [Clock | None, Union[Clock, None], Annotated[Clock | None, "a remark"]])  # noqa: UP007 -- both spellings
def test_an_optional_parameter_falls_back_to_none(annotation: Any) -> None:
    def make(clock): ...  # type: ignore[no-untyped-def]

    make.__annotations__["clock"] = annotation
    assert needs_of(make) == (Need("clock", Clock, is_required=False, default=None),)


def test_a_choice_of_several_types_or_none_is_none() -> None:
    def make(either: Clock | Engine | None) -> None: ...

    assert needs_of(make) == (Need("either", None, is_required=False, default=None),)


@pytest.mark.parametrize("annotation", [Annotated[Engine, CACHE], Annotated[Engine, CACHE] | None])
def test_an_annotated_parameter_needs_the_key_that_is_named(annotation: Any) -> None:
    def make(engine): ...  # type: ignore[no-untyped-def]

    make.__annotations__["engine"] = annotation
    assert keys(make) == [CACHE]


def test_annotations_may_be_texts() -> None:
    def make(clock: "Clock", cache: "Annotated[Engine, CACHE]", users: "Repository[Clock] | None") -> None: ...

    assert keys(make) == [Clock, CACHE, Repository[Clock]]


def test_positions_and_names_are_respected() -> None:
    def make(clock: Clock, spare: int = 3, /, *rest: int, engine: Engine, **more: int) -> None: ...

    clock, spare, engine = needs_of(make)
    assert clock.by_position
    assert (spare.by_position, spare.default) == (True, 3)
    assert engine.by_keyword


def test_the_names_of_a_class_body_are_known_to_its_methods() -> None:
    class Outer:
        class Inner:
            pass

        def __init__(self, inner: "Inner") -> None: ...

    assert keys(Outer) == [Outer.Inner]


def test_an_inherited_constructor_is_read() -> None:
    class Base:
        def __init__(self, clock: Clock) -> None: ...

    class Derived(Base):
        pass

    assert keys(Derived) == [Clock]


def test_a_class_may_build_itself_in_new() -> None:
    class Immutable:
        def __new__(cls, clock: "Clock") -> "Immutable":
            return super().__new__(cls)

    assert keys(Immutable) == [Clock]


def test_the_fields_of_a_dataclass_are_needs() -> None:
    @dataclass
    class Base:
        clock: "Clock"

    @dataclass
    class Derived(Base):
        engine: InitVar[Engine]
        names: list[str] = field(default_factory=list)
        cache: int = field(init=False, default=0)

    clock, engine, names = needs_of(Derived)
    assert (clock.key, engine.key) == (Clock, Engine)
    assert not names.is_required


def test_inherited_fields_are_read_where_they_were_written() -> None:
    """A base class of another module uses the names of that module."""
    foreign = dataclasses.make_dataclass("Foreign", [("key", "Field")])
    foreign.__module__ = "dataclasses"
    derived = dataclasses.make_dataclass("Derived", [("clock", "Clock")], bases=(foreign,))
    derived.__module__ = __name__
    assert keys(derived) == [dataclasses.Field, Clock]


def test_a_pydantic_model_is_read_by_its_signature() -> None:
    class Options(BaseModel):
        clock: Annotated[Engine, CACHE]
        size: int = 3
        names: list[str] = Field(default_factory=list)
        model_config = {"arbitrary_types_allowed": True}

    clock, size, names = needs_of(Options)
    assert (clock.key, clock.by_keyword) == (CACHE, True)
    assert not size.is_required
    assert not names.is_required


def test_a_settings_class_reads_its_environment_by_itself() -> None:
    class Settings(BaseSettings):
        url: str

    assert needs_of(Settings) == ()


def test_type_variables_are_filled_in() -> None:
    class Service(Generic[T]):
        def __init__(self, repository: Repository[T]) -> None: ...

    class ClockService(Service[Clock]):
        pass

    class Wrapped(Service[list[T]]):
        pass

    class Plain(Service):  # type: ignore[type-arg]
        pass

    assert keys(Service[Engine]) == [Repository[Engine]]
    assert keys(ClockService) == [Repository[Clock]]
    assert keys(Wrapped[Engine]) == [Repository[list[Engine]]]
    assert keys(Plain) == [Repository[T]]  # type: ignore[valid-type]


def test_type_variables_are_filled_in_beside_other_bases() -> None:
    class Service(Generic[T]):
        def __init__(self, repository: Repository[T]) -> None: ...

    class Named:
        pass

    class ClockService(Named, Service[Clock]):
        pass

    assert keys(ClockService) == [Repository[Clock]]


def test_a_dataclass_may_have_a_constructor_of_its_own() -> None:
    @dataclass
    class Holder:
        kept: int = field(init=False)

        def __init__(self, clock: "Clock") -> None: ...

    assert keys(Holder) == [Clock]


def test_a_bare_type_variable_is_filled_in() -> None:
    class Holder(Generic[T]):
        def __init__(self, held: T) -> None: ...

    assert keys(Holder[Clock]) == [Clock]


def test_methods_partials_wrappers_and_callable_objects_are_read() -> None:
    class Maker:
        def __call__(self, clock: "Clock") -> None: ...

        def method(self, engine: "Engine") -> None: ...

        @staticmethod
        def static(clock: Clock) -> None: ...

    @functools.wraps(Maker.static)
    def wrapper(*args: Any) -> None: ...

    assert keys(Maker()) == [Clock]
    assert keys(Maker().method) == [Engine]
    assert keys(functools.partial(Maker.method, Maker())) == [Engine]
    assert keys(wrapper) == [Clock]


def test_messages_name_the_callable() -> None:
    def make() -> None: ...

    assert owner_of(make) == "make"
    assert owner_of(functools.partial(make)) == "make"
    assert owner_of(Clock) == "Clock.__init__"
    assert owner_of(Repository[Clock]) == "Repository[Clock].__init__"


def test_a_name_that_is_only_there_for_type_checkers_is_explained() -> None:
    class Prices:
        def __init__(self, start: "Decimal") -> None: ...

    with pytest.raises(
        UnresolvedAnnotation, match=r"Prices.__init__\(start\): 'Decimal'.*under TYPE_CHECKING"
    ) as caught:
        needs_of(Prices)
    assert str(caught.value).endswith("Define or import it at module level.")


def test_a_name_that_exists_only_in_a_function_is_explained() -> None:
    class Local:
        pass

    def make(local: "Local") -> None: ...

    with pytest.raises(UnresolvedAnnotation, match="only inside a function"):
        needs_of(make)


def test_a_text_that_is_not_python_is_an_unresolved_annotation() -> None:
    def make(clock): ...  # type: ignore[no-untyped-def]

    make.__annotations__["clock"] = "not python"
    with pytest.raises(UnresolvedAnnotation, match="the annotation 'not python' cannot be found"):
        needs_of(make)


def test_a_required_parameter_without_annotation_is_an_error() -> None:
    def make(clock): ...  # type: ignore[no-untyped-def]

    with pytest.raises(UnresolvedAnnotation, match=r"make\(clock\) has no annotation"):
        needs_of(make)


@pytest.mark.parametrize("annotation", [Clock | Engine, Literal["fast"], T, "Clock | Engine"])
def test_a_required_parameter_that_is_no_key_is_an_error(annotation: Any) -> None:
    def make(mode): ...  # type: ignore[no-untyped-def]

    make.__annotations__["mode"] = annotation
    with pytest.raises(MissingProvider, match="which is not a key"):
        needs_of(make)


def test_a_signature_that_python_does_not_know_asks_for_a_factory() -> None:
    with pytest.raises(InvalidProvider, match=r"ProviderSpec\(type, use_factory=...\)"):
        needs_of(type)
