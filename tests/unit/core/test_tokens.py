"""Keys and their spellings, and what a provider may say."""

from abc import ABC, abstractmethod
from typing import Annotated, Any, Generic, Literal, NewType, Protocol, TypeVar

import pytest

from jararaca.core.tokens import UNSET, ProviderSpec, Token, key_of, name_of
from jararaca.errors import InvalidProvider

T = TypeVar("T")


class Redis(Generic[T]):
    pass


class Engine:
    pass


class Gateway(Protocol):
    def charge(self) -> None: ...


class Store(ABC):
    @abstractmethod
    def load(self) -> None: ...


UserId = NewType("UserId", str)


@pytest.mark.parametrize("spelling", [Engine, Token(Engine), Token[Engine]])
def test_a_class_and_its_tokens_without_name_are_one_key(spelling: object) -> None:
    assert key_of(spelling) is Engine


def test_a_token_without_name_does_not_equal_its_class() -> None:
    """Spellings are brought to one form in one place instead of comparing equal everywhere."""
    spellings: list[object] = [Token(Engine), Engine]
    assert spellings[0] != spellings[1]


def test_a_name_makes_another_key() -> None:
    assert key_of(Token(Redis, "CACHE")) == Token(Redis, "CACHE")
    assert len({key_of(Redis), key_of(Token(Redis, "CACHE")), key_of(Token(Redis, "QUEUE"))}) == 3


def test_a_subscripted_token_may_be_called() -> None:
    assert Token["Redis[bytes]"](Redis, "CACHE") == Token(Redis, "CACHE")


@pytest.mark.parametrize("key", [Redis[bytes], UserId, list[int], Gateway])
def test_generic_classes_new_types_and_protocols_are_keys(key: object) -> None:
    assert key_of(key) == key


def test_an_annotated_type_is_the_key_that_it_names() -> None:
    assert key_of(Annotated[Redis, "a remark", Token(Redis, "CACHE"), Token(Redis, "QUEUE")]) == Token(Redis, "CACHE")


def test_an_annotated_type_without_a_key_is_its_type() -> None:
    assert key_of(Annotated[Redis, "a remark"]) is Redis


@pytest.mark.parametrize("spelling", ["Redis", 3, None, int | None, Literal["a"], Token["Redis[bytes]"], T, []])
def test_anything_else_is_no_key(spelling: object) -> None:
    with pytest.raises(InvalidProvider, match=r"is not a key\. A key is a class, Token\(SomeClass\)"):
        key_of(spelling)


@pytest.mark.parametrize("wrapped", ["Redis", Token(Redis), 3])
def test_a_token_takes_only_a_class(wrapped: Any) -> None:
    with pytest.raises(InvalidProvider, match=r"Write Token\(SomeClass\)"):
        Token(wrapped)


def test_a_token_does_not_take_a_name_that_is_no_text() -> None:
    with pytest.raises(InvalidProvider, match=r'Token\(Redis, 5\): a name is a text\. Write "5"\.'):
        Token(Redis, 5)  # type: ignore[arg-type] # the mistake that is shown


def test_a_token_does_not_take_an_empty_name() -> None:
    with pytest.raises(InvalidProvider, match="Leave it out"):
        Token(Redis, "")


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (Redis, "Redis"),
        (Redis[bytes], "Redis[bytes]"),
        (Token(Redis), "Token(Redis)"),
        (Token(Redis, "CACHE"), "Token(Redis, 'CACHE')"),
        (UserId, "UserId"),
    ],
)
def test_messages_call_a_key_as_users_write_it(key: object, name: str) -> None:
    assert name_of(key) == name


def test_messages_leave_out_the_function_that_a_class_was_defined_in() -> None:
    class Local:
        pass

    assert name_of(Local) == "Local"


def test_the_sign_for_no_value_shows_its_name() -> None:
    assert repr(UNSET) == "UNSET"


@pytest.mark.parametrize("value", [None, 0, "", False, []])
def test_falsy_values_are_values(value: object) -> None:
    assert ProviderSpec(Redis, use_value=value).use_value == value


def test_a_provider_needs_a_source() -> None:
    with pytest.raises(InvalidProvider, match=r"ProviderSpec\(Redis\) has no source\. Give exactly one of use_value"):
        ProviderSpec(Redis)


def test_a_provider_takes_only_one_source() -> None:
    with pytest.raises(InvalidProvider, match="has use_value and use_class"):
        ProviderSpec(Redis, use_value=None, use_class=Redis)


def test_what_is_provided_must_be_a_key() -> None:
    with pytest.raises(InvalidProvider, match="'Redis' is not a key"):
        ProviderSpec("Redis", use_value=1)


def test_a_factory_must_be_callable() -> None:
    factory: Any = Redis()
    with pytest.raises(InvalidProvider, match="For an object use use_value"):
        ProviderSpec(Redis, use_factory=factory)


def test_an_alias_must_point_at_a_key() -> None:
    with pytest.raises(InvalidProvider, match="'Redis' is not a key"):
        ProviderSpec(Redis, use_existing="Redis")


@pytest.mark.parametrize("abstract", [Gateway, Store, "Redis"])
def test_a_class_to_use_must_be_concrete(abstract: Any) -> None:
    with pytest.raises(InvalidProvider, match="is not a class that can be instantiated"):
        ProviderSpec(Redis, use_class=abstract)


def test_an_unknown_scope_is_refused() -> None:
    scope: Any = "request"
    with pytest.raises(InvalidProvider, match='Use "app" or "uow"'):
        ProviderSpec(Redis, use_class=Redis, scope=scope)


@pytest.mark.parametrize(
    "source", [{"use_value": 1}, {"use_existing": Token(Redis, "CACHE")}], ids=["a value", "an alias"]
)
@pytest.mark.parametrize("option", [{"scope": "uow"}, {"after_interceptors": True}], ids=["scope", "after"])
def test_what_builds_nothing_takes_no_options_about_building(source: dict[str, Any], option: dict[str, Any]) -> None:
    with pytest.raises(InvalidProvider, match="scope and after_interceptors have no meaning"):
        ProviderSpec(Redis, **source, **option)


def test_an_object_of_a_unit_of_work_cannot_be_told_to_wait_for_the_interceptors() -> None:
    with pytest.raises(InvalidProvider, match="Remove after_interceptors"):
        ProviderSpec(Redis, use_class=Redis, scope="uow", after_interceptors=True)
