"""Who needs whom, before anything is built."""

import pytest

from jararaca.core.recipes import Recipes
from jararaca.core.resolution import Graph
from jararaca.core.tokens import ProviderSpec, Token, name_of
from jararaca.errors import MissingProvider


class Config:
    pass


class Pool:
    def __init__(self, config: Config) -> None: ...


class Session:
    def __init__(self, pool: Pool, config: Config) -> None: ...


class Users:
    def __init__(self, session: Session, missing: "Missing | None" = None) -> None: ...


class Missing:
    pass


SHARED = Token(Pool, "SHARED")


@pytest.fixture
def graph() -> Graph:
    recipes = Recipes()
    recipes.register(ProviderSpec(Session, use_class=Session, scope="uow"))
    recipes.register(ProviderSpec(SHARED, use_existing=Pool))
    return Graph(recipes)


def names(graph: Graph, key: object) -> list[str]:
    return [name_of(node.key) for node in graph.order(key)]


def test_what_is_needed_comes_first_and_once(graph: Graph) -> None:
    assert names(graph, Users) == ["Config", "Pool", "Session", "Users"]


def test_an_alias_comes_after_what_it_points_at(graph: Graph) -> None:
    assert names(graph, SHARED) == ["Config", "Pool", "Token(Pool, 'SHARED')"]


def test_a_lifetime_is_that_of_the_shortest_lived_need(graph: Graph) -> None:
    assert [node.lifetime for node in graph.order(Users)] == ["app", "app", "uow", "uow"]


def test_the_order_of_something_missing_is_an_error(graph: Graph) -> None:
    with pytest.raises(MissingProvider):
        graph.order(str)


def test_dependents_are_found_through_others(graph: Graph) -> None:
    graph.order(Users)
    graph.order(SHARED)
    assert graph.dependents(Pool) == {Pool, SHARED, Session, Users}
    assert graph.dependents(Users) == {Users}


def test_who_would_take_something_if_it_were_there_depends_on_it(graph: Graph) -> None:
    graph.order(Users)
    assert graph.dependents(Missing) == {Missing, Users}


def test_a_graph_knows_what_is_registered_and_what_was_asked_for(graph: Graph) -> None:
    assert graph.mentioned() == {Session, SHARED}
    graph.order(Users)
    assert graph.mentioned() == {Session, SHARED, Users, Missing, Pool, Config}


def test_problems_are_the_same_objects_however_often_they_are_met(graph: Graph) -> None:
    class First:
        def __init__(self, broken: "Broken") -> None: ...

    class Second:
        def __init__(self, broken: "Broken") -> None: ...

    assert len(graph.problems([First, Second, Broken])) == 1


class Broken:
    def __init__(self, name: str) -> None: ...
