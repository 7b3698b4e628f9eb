"""What is kept of a class: handed out again only while it is made of the very same objects."""

import pytest

from jararaca.core.keeping import Kept
from jararaca.core.metadata import attach, ingredients


class Fact:
    pass


def marked() -> type:
    class Marked:
        def run(self) -> None: ...

    attach(Marked.run, Fact())
    return Marked


def test_what_is_made_of_the_same_objects_is_made_once() -> None:
    kept, parts = Kept[object](), [object(), object()]

    first = kept.get("key", parts, object)

    assert kept.get("key", [*parts], object) is first


@pytest.mark.parametrize("other", [[], [[]], [[], []]], ids=["fewer", "equal", "more"])
def test_what_is_made_of_other_objects_is_made_anew(other: list[object]) -> None:
    """Also if they are equal: two functions or models that compare equal need not do the same."""
    kept = Kept[object]()
    first = kept.get("key", [[]], object)

    second = kept.get("key", other, object)

    assert second is not first
    assert kept.get("key", other, object) is second


def test_a_failure_is_not_kept() -> None:
    kept = Kept[str]()

    def fail() -> str:
        raise ValueError("not yet")

    with pytest.raises(ValueError, match="not yet"):
        kept.get("key", [], fail)

    assert kept.get("key", [], lambda: "made") == "made"


def test_the_oldest_are_forgotten() -> None:
    kept = Kept[object](most=2)
    first, second = kept.get("first", [], object), kept.get("second", [], object)

    kept.get("third", [], object)

    assert kept.get("second", [], object) is second
    assert kept.get("first", [], object) is not first


def test_a_method_that_was_replaced_is_another_ingredient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests replace methods of classes; what was found out about the old one must not be believed of the new one."""
    cls = marked()
    before = [*ingredients(cls, Fact)]

    monkeypatch.setattr(cls, "run", lambda _self: None)

    fact, method = ingredients(cls, Fact)
    assert fact is before[0]
    assert method is not before[1]
