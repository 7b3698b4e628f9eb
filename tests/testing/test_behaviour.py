"""Behaviours as values: how states merge, what counts, and how a report and a table read."""

import json

from jararaca_testing.behaviour import Behaviour, Behaviours, Share, State
from jararaca_testing.behaviour_table import table, totals


def behaviours(*known: tuple[str, str, str, str, State]) -> Behaviours:
    made = Behaviours()
    made.merge(known)
    return made


def states(made: Behaviours) -> list[str]:
    return [state for _behaviour, state in made]


CHARGE = Behaviour("shop", "handlers", "charge", "ok")


def test_what_is_known_is_not_forgotten_for_less() -> None:
    made = Behaviours()

    steps: list[tuple[State, State]] = [
        ("missing", "missing"),
        ("unseen", "unseen"),
        ("missing", "unseen"),
        ("covered", "covered"),
        ("unseen", "covered"),
    ]
    for state, expected in steps:
        made.note(CHARGE, state)
        assert states(made) == [expected]


def test_merging_gives_the_same_in_any_order() -> None:
    one = behaviours((*CHARGE, "unseen"), ("shop", "actions", "remind", "fired", "covered"))
    other = behaviours(("mail", "handlers", "send", "ok", "missing"), (*CHARGE, "covered"))
    forth, back = Behaviours(), Behaviours()

    for each in (one, other):
        forth.merge(each.rows())
    for each in (other, one):
        back.merge(json.loads(json.dumps(each.rows())))

    assert list(forth) == list(back)
    assert states(forth) == ["missing", "covered", "covered"]


def test_what_is_only_noted_does_not_count() -> None:
    made = behaviours(
        (*CHARGE, "covered"),
        ("shop", "handlers", "charge", "error", "unseen"),
        ("shop", "handlers", "charge", "timeout", "missing"),
        ("shop", "routes", "GET /", "4xx", "noted"),
        ("mail", "handlers", "send", "ok", "covered"),
    )

    assert made.share("shop") == Share(1, 3)
    assert made.share("mail") == Share(1, 1)
    assert made.share() == Share(2, 4)


def test_a_percentage_is_rounded_down_so_that_only_all_is_a_hundred() -> None:
    assert str(Share(1, 3)) == "33.3% (1 of 3)"
    assert Share(9_999, 10_000).percent == 99.9
    assert Share(7, 7).percent == 100.0
    assert Share(0, 0).percent == 0.0


def test_the_report_is_json_in_an_order_of_its_own() -> None:
    made = behaviours(
        ("shop", "routes", "POST /orders", "ok", "missing"),
        ("shop", "handlers", "charge", "error", "unseen"),
        ("shop", "handlers", "charge", "ok", "covered"),
        ("mail", "websockets", "/feed", "accepted", "covered"),
    )

    report = json.loads(made.report())

    assert list(report) == ["version", "percent", "covered", "applicable", "applications"]
    assert (report["version"], report["percent"], report["covered"], report["applicable"]) == (1, 50.0, 2, 4)
    assert list(report["applications"]) == ["mail", "shop"]
    assert report["applications"]["shop"] == {
        "percent": 33.3,
        "covered": 1,
        "applicable": 3,
        "handlers": {"charge": {"ok": "covered", "error": "unseen"}},
        "routes": {"POST /orders": {"ok": "missing"}},
        "websockets": {},
        "actions": {},
    }


def test_the_table_has_aligned_columns_and_says_what_unseen_means() -> None:
    made = behaviours(
        (*CHARGE, "covered"),
        ("shop", "handlers", "charge", "retry", "unseen"),
        ("shop", "actions", "send.the.reminder", "fired", "missing"),
    )

    assert table(made) == [
        "shop",
        "  handlers             ok      error   retry   dead-letter  timeout  redelivery",
        "    charge             yes     -       unseen  -            -        -",
        "  actions              fired   error   skipped",
        "    send.the.reminder  NO      -       -",
        "unseen: it happened, and no test looked at its record",
        "coverage of behaviour of shop: 33.3% (1 of 3)",
    ]


def test_several_applications_have_a_total_besides_their_own() -> None:
    made = behaviours((*CHARGE, "covered"), ("mail", "handlers", "send", "ok", "missing"))

    assert totals(made) == [
        "coverage of behaviour of mail: 0.0% (0 of 1)",
        "coverage of behaviour of shop: 100.0% (1 of 1)",
        "coverage of behaviour: 50.0% (1 of 2)",
    ]
    assert totals(Behaviours()) == table(Behaviours()) == []
