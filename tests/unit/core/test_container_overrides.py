"""What stands in for something else, as tests need it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Generic, Protocol, TypeVar

import pytest

from jararaca.core.container import Container, Scope
from jararaca.core.microservice import Microservice
from jararaca.core.tokens import ProviderSpec, Token
from jararaca.errors import MissingProvider

pytestmark = pytest.mark.asyncio

T = TypeVar("T")


class Gateway(Protocol):
    def charge(self) -> str: ...


class RealGateway:
    def charge(self) -> str:
        return "real"


class FakeGateway:
    def __init__(self, answer: str = "fake") -> None:
        self.answer = answer

    def charge(self) -> str:
        return self.answer


class Checkout:
    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway


class Unrelated:
    pass


class Orders:
    def __init__(self, checkout: Checkout, unrelated: Unrelated, bonus: "Bonus | None" = None) -> None:
        self.checkout = checkout
        self.unrelated = unrelated
        self.bonus = bonus


class Bonus:
    pass


class Repository(Generic[T]):
    pass


def container(*providers: ProviderSpec | type) -> Container:
    return Container(Microservice(providers=providers, controllers=[Orders]))


@pytest.fixture
def declared() -> Container:
    return container(ProviderSpec(Gateway, use_class=RealGateway))


@pytest.fixture
def log() -> list[str]:
    return []


def charged(declared: Container) -> str:
    return declared.get_by_type(Orders).checkout.gateway.charge()


async def test_an_override_holds_until_its_block_ends(declared: Container) -> None:
    with declared.override(Gateway, FakeGateway()):
        assert charged(declared) == "fake"
    assert charged(declared) == "real"


async def test_an_override_can_be_undone_by_hand_and_once_is_enough(declared: Container) -> None:
    override = declared.override(Gateway, FakeGateway())
    override.undo()
    later = declared.override(Gateway, FakeGateway("later"))
    override.undo()
    assert charged(declared) == "later"
    later.undo()
    assert charged(declared) == "real"


async def test_what_needs_the_key_is_built_anew_and_the_rest_is_kept(declared: Container) -> None:
    before = declared.get_by_type(Orders)
    with declared.override(Gateway, FakeGateway()):
        during = declared.get_by_type(Orders)
    assert during is not before
    assert during.unrelated is before.unrelated


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
async def test_nested_overrides_may_be_undone_in_any_order(declared: Container, order: tuple[int, ...]) -> None:
    overrides = [declared.override(Gateway, FakeGateway(name)) for name in ("first", "second", "third")]
    assert charged(declared) == "third"
    for index in order:
        overrides[index].undo()
    assert charged(declared) == "real"


async def test_the_last_override_that_is_left_is_in_effect(declared: Container) -> None:
    first = declared.override(Gateway, FakeGateway("first"))
    second = declared.override(Token[Gateway], FakeGateway("second"))
    first.undo()
    assert charged(declared) == "second"
    declared.override(Gateway, FakeGateway("third"))
    second.undo()
    assert charged(declared) == "third"


async def test_something_without_provider_may_be_overridden_if_anything_needs_it() -> None:
    """A gateway that only the test offers makes an incomplete declaration complete."""
    declared = container()
    with declared.override(Gateway, FakeGateway()):
        declared.validate()
        assert charged(declared) == "fake"
    with pytest.raises(MissingProvider):
        declared.validate()


async def test_an_optional_need_takes_an_override(declared: Container) -> None:
    assert declared.get_by_type(Orders).bonus is None
    bonus = Bonus()
    with declared.override(Bonus, bonus):
        assert declared.get_by_type(Orders).bonus is bonus
    assert declared.get_by_type(Orders).bonus is None


async def test_a_controller_may_be_overridden(declared: Container) -> None:
    with declared.override(Orders, "nothing"):
        found: object = declared.get_by_type(Orders)
        assert found == "nothing"


async def test_an_alias_may_be_overridden_apart_from_its_target() -> None:
    declared = container(ProviderSpec(Gateway, use_existing=RealGateway))
    assert charged(declared) == "real"
    with declared.override(Gateway, FakeGateway()):
        assert charged(declared) == "fake"
        assert declared.get_by_type(RealGateway).charge() == "real"
    with declared.override(RealGateway, FakeGateway("through")):
        assert charged(declared) == "through"


async def test_what_was_asked_for_once_may_be_overridden(declared: Container) -> None:
    with pytest.raises(MissingProvider):
        declared.override(FakeGateway, 1)
    declared.get_by_type(Bonus)
    with declared.override(Bonus, 1):
        found: object = declared.get_by_type(Bonus)
        assert found == 1


async def test_what_rooms_require_may_be_overridden(declared: Container) -> None:
    declared.require(Token(Gateway, "OTHER"))
    with declared.override(Token(Gateway, "OTHER"), "stand-in"):
        found: object = declared.find(Token(Gateway, "OTHER"))
        assert found == "stand-in"


async def test_the_class_of_a_generic_need_may_be_overridden(declared: Container) -> None:
    class Users:
        def __init__(self, repository: Repository[int]) -> None:
            self.repository = repository

    declared.require(Users)
    with declared.override(Repository, "stand-in"):
        found: object = declared.get_by_type(Users).repository
        assert found == "stand-in"
    assert isinstance(declared.get_by_type(Users).repository, Repository)


async def test_an_unknown_key_is_refused_with_the_nearest_name(declared: Container) -> None:
    class Gatewai:
        pass

    with pytest.raises(
        MissingProvider, match=r"override\(Gatewai\) replaces nothing.*registered name is Gateway\."
    ) as caught:
        declared.override(Gatewai, 1)
    assert caught.value.key is Gatewai


async def test_an_unknown_key_is_refused_even_if_nothing_is_near(declared: Container) -> None:
    with pytest.raises(MissingProvider, match="Nothing similar is known"):
        declared.override(dict, 1)


def opening(log: list[str], name: str) -> Callable[[], Iterator[str]]:
    def make() -> Iterator[str]:
        log.append(f"+{name}")
        yield name
        log.append(f"-{name}")

    return make


def opening_async(log: list[str], name: str) -> Callable[[], AsyncIterator[str]]:
    async def make() -> AsyncIterator[str]:
        log.append(f"+{name}")
        yield name
        log.append(f"-{name}")

    return make


URL = Token(str, "URL")


async def test_what_is_dropped_is_disposed_of_on_the_spot(log: list[str]) -> None:
    declared = container(ProviderSpec(URL, use_factory=opening(log, "url")))
    declared.get_by_token(URL)
    with declared.override(URL, "other"):
        assert log == ["+url", "-url"]


async def test_what_must_be_awaited_is_disposed_of_the_next_time_that_the_container_awaits(log: list[str]) -> None:
    declared = container(ProviderSpec(URL, use_factory=opening_async(log, "url")))
    await declared.resolve(URL)
    with declared.override(URL, "other"):
        assert log == ["+url"]
        async with declared.open_scope() as scope:
            await scope.resolve(Unrelated)
            assert log == ["+url", "-url"]


async def test_what_is_dropped_and_never_disposed_of_is_at_the_end(log: list[str]) -> None:
    declared = container(ProviderSpec(URL, use_factory=opening_async(log, "url")))
    await declared.resolve(URL)
    declared.override(URL, "other")
    await declared.close()
    assert log == ["+url", "-url"]


async def test_the_order_of_disposal_is_kept_where_some_must_be_awaited(log: list[str]) -> None:
    """The synchronous one was built first, so it must outlive the one that has to be awaited."""

    async def user(url: str) -> AsyncIterator[Bonus]:
        log.append("+user")
        yield Bonus()
        log.append("-user")

    user.__annotations__["url"] = URL
    declared = container(ProviderSpec(URL, use_factory=opening(log, "url")), ProviderSpec(Bonus, use_factory=user))
    await declared.resolve(Bonus)
    override = declared.override(URL, "other")
    assert log == ["+url", "+user"]
    await declared.resolve(Unrelated)
    assert log == ["+url", "+user", "-user", "-url"]
    override.undo()


async def test_an_override_is_in_effect_although_a_disposal_failed() -> None:
    def broken() -> Iterator[str]:
        yield "url"
        raise OSError

    declared = container(ProviderSpec(URL, use_factory=broken))
    declared.get_by_token(URL)
    with pytest.raises(OSError):  # noqa: PT011 -- it has no text
        declared.override(URL, "other")
    assert declared.get_by_token(URL) == "other"


async def test_several_disposals_that_fail_are_a_group() -> None:
    def broken() -> Iterator[str]:
        yield "url"
        raise OSError

    def broken_user(url: str) -> Iterator[Bonus]:
        yield Bonus()
        raise ValueError

    broken_user.__annotations__["url"] = URL
    declared = container(ProviderSpec(URL, use_factory=broken), ProviderSpec(Bonus, use_factory=broken_user))
    declared.get_by_type(Bonus)
    with pytest.raises(ExceptionGroup) as caught:
        declared.override(URL, "other")
    assert [type(error) for error in caught.value.exceptions] == [ValueError, OSError]


async def test_an_open_scope_keeps_what_it_has_and_a_new_one_gets_the_override() -> None:
    class Session:
        def __init__(self, scope: Scope, gateway: Gateway) -> None:
            self.gateway = gateway

    declared = container(ProviderSpec(Gateway, use_class=RealGateway))
    async with declared.open_scope() as scope:
        before = await scope.resolve(Session)
        with declared.override(Gateway, FakeGateway()):
            assert (await scope.resolve(Session)) is before
            async with declared.open_scope() as other:
                assert (await other.resolve(Session)).gateway.charge() == "fake"


@pytest.mark.parametrize("is_generator", [False, True], ids=["coroutine", "generator"])
async def test_a_build_that_runs_during_an_override_starts_again(log: list[str], is_generator: bool) -> None:
    connecting, connected = asyncio.Event(), asyncio.Event()

    async def connect(url: str) -> str:
        connecting.set()
        await connected.wait()
        return f"connected to {url}"

    async def hold(url: str) -> AsyncIterator[str]:
        yield await connect(url)
        log.append("closed")

    connect.__annotations__["url"] = hold.__annotations__["url"] = URL
    token = Token(str, "CONNECTION")
    declared = container(
        ProviderSpec(token, use_factory=[connect, hold][is_generator]), ProviderSpec(URL, use_value="before")
    )
    build = asyncio.get_running_loop().create_task(declared.resolve(token))
    await connecting.wait()
    declared.override(URL, "after")
    connected.set()
    assert await build == "connected to after"
    assert log == ["closed"] * is_generator
    await declared.close()
