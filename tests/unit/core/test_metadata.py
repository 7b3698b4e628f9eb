"""How facts left by decorators are found again, through inheritance and overriding."""

from dataclasses import dataclass

from jararaca.core.metadata import attach, class_facts, method_facts, own_facts


@dataclass(frozen=True)
class Colour:
    name: str


@dataclass(frozen=True)
class Size:
    metres: int


class Base:
    def first(self) -> None: ...
    def second(self) -> None: ...


attach(Base, Colour("green"))
attach(Base.first, Colour("red"))
attach(Base.first, Colour("blue"))
attach(Base.second, Size(2))


class Overriding(Base):
    def first(self) -> None: ...


class Redecorated(Base):
    def first(self) -> None: ...


attach(Redecorated.first, Colour("white"))


class Removing(Base):
    first = None  # type: ignore[assignment] # what a subclass may do to a method it does not want


def test_facts_come_back_in_the_order_they_were_attached() -> None:
    assert own_facts(Base.first, Colour) == (Colour("red"), Colour("blue"))


def test_facts_of_another_kind_are_not_seen() -> None:
    assert own_facts(Base.second, Colour) == ()


def test_what_cannot_hold_facts_has_none() -> None:
    assert own_facts(3, Colour) == ()


def test_a_class_inherits_the_facts_of_its_base() -> None:
    assert class_facts(Overriding, Colour) == (Colour("green"),)


def test_a_class_without_any_facts_has_none() -> None:
    assert class_facts(int, Colour) == ()


def test_methods_are_found_in_the_order_of_definition() -> None:
    assert list(method_facts(Base, Colour)) == [("first", Colour("red")), ("first", Colour("blue"))]


def test_an_overriding_method_keeps_the_facts() -> None:
    assert list(method_facts(Overriding, Colour)) == [("first", Colour("red")), ("first", Colour("blue"))]


def test_decorating_again_replaces_the_facts_of_that_kind() -> None:
    assert list(method_facts(Redecorated, Colour)) == [("first", Colour("white"))]


def test_a_method_that_a_subclass_removed_is_gone() -> None:
    assert list(method_facts(Removing, Colour)) == []


class WithClassMethod:
    @classmethod
    def made(cls) -> None: ...


attach(vars(WithClassMethod)["made"], Colour("grey"))


def test_a_fact_left_on_a_class_method_is_found() -> None:
    assert list(method_facts(WithClassMethod, Colour)) == [("made", Colour("grey"))]
