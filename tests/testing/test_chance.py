"""Randomness that is the same in every run."""

import os
import secrets
import uuid

import pytest

from jararaca.adapters.system.chance import SystemChance
from jararaca.ports.chance import Chance
from jararaca_testing.chance import SeededChance, derived_seed, determined, new_seed


def drawn(seed: str) -> list[object]:
    chance = SeededChance(seed)
    return [chance.uuid(), chance.choice("abcdefghij"), chance.uuid()]


def test_everything_follows_from_the_seed() -> None:
    assert drawn("test_a") == drawn("test_a")
    assert drawn("test_a") != drawn("test_b")


def test_identities_are_proper_and_differ() -> None:
    chance = SeededChance(1)

    first, second = chance.uuid(), chance.uuid()

    assert first != second
    assert (first.version, first.variant) == (4, "specified in RFC 4122")


@pytest.mark.parametrize("chance", [SeededChance(1), SystemChance()], ids=["seeded", "system"])
def test_identities_as_text_are_those_of_random_uuids(chance: Chance) -> None:
    texts = [chance.identity() for _ in range(200)]

    assert len(set(texts)) == 200
    read = [uuid.UUID(text) for text in texts]
    assert [str(identity) for identity in read] == texts
    assert {(identity.version, identity.variant) for identity in read} == {(4, uuid.RFC_4122)}


def test_jitter_takes_nothing_off_a_delay_unless_it_is_asked_for() -> None:
    assert SeededChance(1).random() == 0.0

    chance = SeededChance(1, jitter=True)
    assert 0 < chance.random() < 1
    assert chance.random() != chance.random()


def test_it_can_begin_again_for_another_example() -> None:
    chance = SeededChance(1, jitter=True)
    first = (chance.uuid(), chance.random())

    again = chance.again()

    assert (again.uuid(), again.random()) == first


def test_a_derived_seed_depends_on_every_part_and_on_nothing_else() -> None:
    """The number is written down: it is the same on every machine."""
    assert derived_seed(1, "test_a", "memory") == 6391332708852433551
    assert derived_seed(1, "test_a", "services") != derived_seed(1, "test_b", "memory")
    assert derived_seed(1, "23") != derived_seed(12, "3")


def test_new_seeds_are_short_and_differ() -> None:
    seeds = {new_seed() for _ in range(20)}

    assert len(seeds) == 20
    assert max(seeds) < 2**32


def test_what_comes_from_the_operating_system_is_determined_on_request_and_only_in_the_block() -> None:
    def entropy(*, wanted: bool) -> list[object]:
        with determined(1, entropy=wanted):
            return [uuid.uuid4(), secrets.token_bytes(), os.urandom(3), os.urandom(0)]

    before = os.urandom
    first = entropy(wanted=True)

    assert first == entropy(wanted=True)
    assert first != entropy(wanted=False)
    assert os.urandom is before
    assert [len(each) for each in first[1:] if isinstance(each, bytes)] == [32, 3, 0]
