"""What surrounds everything in one application."""

from dataclasses import replace

import pytest

from jararaca import Microservice
from jararaca.bootstrap.wiring import embedded_ports
from jararaca.core.application import Application
from jararaca.core.environment import Environment


@pytest.fixture
def environment() -> Environment:
    return Application(Microservice(name="shop"), embedded_ports(), instance="one").environment


def test_names_on_servers_carry_namespace_and_application() -> None:
    ports = replace(embedded_ports(), namespace="t1.")
    environment = Application(Microservice(name="shop"), ports).environment

    assert environment.owned("orders") == "t1.shop.orders"
    assert environment.shared("jararaca.events") == "t1.jararaca.events"


def test_without_a_name_an_instance_makes_one_up() -> None:
    one, other = [Application(Microservice(), embedded_ports()).environment.instance for _ in range(2)]

    assert one != other


def test_every_execution_has_an_identity_of_its_own(environment: Environment) -> None:
    assert [environment.next_execution_id() for _ in range(2)] == ["one-1", "one-2"]


def test_what_is_offered_is_found_until_it_is_withdrawn(environment: Environment) -> None:
    withdraw = environment.offer("key", "resource")

    assert (environment.resource("key"), environment.resource_keys()) == ("resource", ("key",))
    withdraw()
    assert (environment.resource("key"), environment.resource_keys()) == (None, ())


def test_withdrawing_late_does_not_take_away_what_came_after(environment: Environment) -> None:
    withdraw = environment.offer("key", "first")
    environment.offer("key", "second")
    withdraw()

    assert environment.resource("key") == "second"


def test_readiness_asks_every_check_until_it_is_withdrawn(environment: Environment) -> None:
    state = {"broker": True}
    withdraw = environment.checks("broker", lambda: state["broker"])

    assert environment.readiness() == {"broker": True}
    state["broker"] = False
    assert environment.readiness() == {"broker": False}
    withdraw()
    withdraw()
    assert environment.readiness() == {}


def test_clock_and_chance_are_those_of_the_ports(environment: Environment) -> None:
    assert environment.clock is environment.ports.clock
    assert environment.chance is environment.ports.chance
