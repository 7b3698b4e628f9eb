"""Values leave Python, pass through a generated client in Node.js, and come to the method as they were."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import echoing
import pytest
from echoed_values import (
    amounts,
    colours,
    cookie_values,
    days,
    everything,
    file_names,
    form_values,
    header_values,
    moments,
    multipart_values,
    reals,
    rests,
    segments,
    shapes,
    sizes,
    texts,
    trees,
    wholes,
)
from echoing import Change, Circle, Everything, Filter, Rights, Size, Square, Tree
from hypothesis import given
from hypothesis import strategies as st
from nodejs import Conversation, Project, conversation, documented
from pydantic_core import to_jsonable_python
from serving import serving

from jararaca import create_http_server
from jararaca.typescript.collect import collect
from jararaca.typescript.render import render

PROGRAM = Path(__file__).parent / "programs/ask.ts"
UNDEFINED = {"$undefined": True}
changes = st.fixed_dictionaries(
    {},
    optional={
        "title": st.none() | texts,
        "count": wholes,
        "day": st.none() | days,
        "tree": st.none() | trees.map(lambda tree: tree.model_dump()),
        "words": st.none() | st.lists(st.none() | texts, max_size=3),
    },
)
squares = st.builds(Square, kind=st.just("square"), side=wholes)
Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The generated client, compiled, and a program that calls it."""
    made = Project(tmp_path_factory.mktemp("round_trip") / "project")
    files = {
        "app.ts": render(collect(create_http_server(echoing.app))),
        "node-backend.ts": documented("node-backend.ts").replace("./shop.js", "./app.js"),
        "ask.ts": PROGRAM.read_text(encoding="utf-8"),
    }
    made.build(files, types=["node"], skipLibCheck=True)  # the types of the packages are theirs
    return made


@pytest.fixture(scope="module")
def talk(project: Project) -> Iterator[Conversation]:
    with (
        serving(create_http_server(echoing.app)) as address,
        conversation(project, "ask.js", address) as program,
    ):
        yield program


@pytest.fixture(scope="module")
def ask(talk: Conversation) -> Ask:
    """`ask("Echo", "body", {"body": value})` calls the method in Node.js; gives what it resolves to."""

    def called(service: str, method: str, *args: Any, **told: str) -> Any:
        given = {"service": service, "method": method, "args": to_jsonable_python(args, by_alias=True)}
        answer = talk.ask({**told, **given})
        assert "result" in answer, answer
        return answer["result"]

    return called


def on_the_wire(value: Any) -> Any:
    """What FastAPI makes of a value."""
    return to_jsonable_python(value, by_alias=True)


def assert_echoed(result: Any, value: Any) -> None:
    """The method saw the very value, and the client was given what its answer says."""
    assert echoing.seen[-1] == value
    assert result == on_the_wire(echoing.seen[-1])  # equal sets may have their items in another order


@given(st.tuples(segments, wholes, reals, st.booleans(), days, st.uuids(), colours, sizes, amounts, moments))
def test_path_parameters(ask: Ask, values: tuple[Any, ...]) -> None:
    assert_echoed(ask("Echo", "path", *values), values)


@given(rests)
def test_a_path_parameter_with_slashes(ask: Ask, rest: str) -> None:
    assert_echoed(ask("Echo", "rest", rest), rest)


@given(
    st.fixed_dictionaries(
        {
            "text": texts,
            "real": reals,
            "words": st.lists(texts, min_size=1, max_size=3),
            "moment": moments,
            "amount": amounts,
            "colour": colours,
            "X-Given for": texts,
            "ids": st.lists(st.uuids(), min_size=1, max_size=3),
            "exact": st.sampled_from(["a&b", "", "+ %"]),
            "hour": st.times(),
            "lasting": st.timedeltas(timedelta(days=-10_000), timedelta(days=10_000)),
        },
        optional={
            "sizes": st.sets(sizes, min_size=1),
            "days": st.lists(days, min_size=1, max_size=3),
            "maybe": wholes,
            "truth": st.booleans(),
        },
    )
)
def test_query_parameters(ask: Ask, options: dict[str, Any]) -> None:
    assert_echoed(ask("Echo", "query", options), {"sizes": set(), "days": [], "maybe": None, "truth": True, **options})


@given(st.builds(Filter, after=st.none() | days, sizes=st.lists(sizes, max_size=3)))
def test_a_model_of_query_parameters(ask: Ask, value: Filter) -> None:
    assert_echoed(ask("Echo", "filtered", value), value)


@given(
    st.tuples(
        header_values,
        header_values,
        st.lists(header_values.filter(lambda text: "," not in text), min_size=1, max_size=1),
    ),
    st.none() | days,
    cookie_values,
    st.none() | wholes,
)
def test_headers_and_cookies(ask: Ask, required: Any, day: Any, session: str, number: int | None) -> None:
    text, key, many = required
    options = {"x-text": text, "X-API-Key": key, "x-many": many, "x-day": day, "session": session, "n": number}

    assert_echoed(ask("Echo", "headers", options), (text, key, many, day, session, number))


@given(
    st.tuples(amounts, moments, sizes, st.booleans(), st.lists(st.uuids(), min_size=1, max_size=1)),
    st.tuples(st.none() | colours, st.none() | days, st.none() | reals),
)
def test_headers_and_cookies_that_are_no_texts(ask: Ask, headers: tuple[Any, ...], cookies: tuple[Any, ...]) -> None:
    options = dict(zip(["x-amount", "x-moment", "x-size", "x-truth", "x-ids"], headers, strict=True))
    options |= dict(zip(["colour", "day", "real"], cookies, strict=True))

    assert_echoed(ask("Echo", "typed", options), (*headers, *cookies))


@given(st.lists(header_values, min_size=1, max_size=5))
def test_a_backend_of_ones_own_sends_headers_that_are_repeated(ask: Ask, many: list[str]) -> None:
    """It is the one of the document. `fetch` would make one value of them, with commas."""
    options = {"x-text": "a", "X-API-Key": "b", "x-many": many}

    assert_echoed(ask("Echo", "headers", options, backend="node"), ("a", "b", many, None, "", None))


@given(segments, changes)
def test_a_backend_of_ones_own_sends_bodies(ask: Ask, title: str, change: dict[str, Any]) -> None:
    assert_echoed(ask("Echo", "change", title, {"body": change}, backend="node"), change)


@pytest.mark.parametrize(("status", "body"), [(404, {"what": "that"}), (409, {"by": 7})])
def test_a_backend_of_ones_own_has_typed_errors(talk: Conversation, status: int, body: Any) -> None:
    answer = talk.ask({"service": "Echo", "method": "refused", "args": [status], "backend": "node"})

    assert answer == {"status": status, "body": body}


@given(header_values, header_values)
def test_fetch_is_not_given_a_header_that_is_repeated(talk: Conversation, one: str, other: str) -> None:
    options = {"x-text": "a", "X-API-Key": "b", "x-many": [one, other]}

    answer = talk.ask({"service": "Echo", "method": "headers", "args": [options]})

    assert answer == {"failed": "TypeError: fetch would join the values of the header x-many into one"}


@pytest.mark.parametrize(("credentials", "session"), [("include", "kept"), ("same-origin", "")])
def test_a_browser_sends_its_own_cookies_if_it_is_told_to(ask: Ask, credentials: str, session: str) -> None:
    """As far as that can be seen without one: what `credentials` says comes to its `fetch`, and no method asks."""
    options = {"x-text": "a", "X-API-Key": "b", "x-many": ["c"]}

    ask("Echo", "headers", options, backend=credentials, cookie="session=kept")

    assert echoing.seen[-1] == ("a", "b", ["c"], None, session, None)


@given(
    st.tuples(
        form_values,
        amounts,
        st.lists(colours, min_size=1, max_size=3),
        st.booleans(),
        days,
        st.lists(moments, min_size=1, max_size=2),
        st.none() | wholes,
    )
)
def test_forms(ask: Ask, values: tuple[Any, ...]) -> None:
    names = ["text", "amount", "colours", "truth", "day", "moments", "maybe"]

    assert_echoed(ask("Echo", "form", {"body": dict(zip(names, values, strict=True))}), values)


@given(
    file_names,
    st.lists(st.binary(max_size=512), min_size=2, max_size=4),
    multipart_values,
    st.lists(sizes, min_size=1, max_size=2),
)
def test_files_beside_fields(ask: Ask, name: str, contents: list[bytes], note: str, chosen: list[Size]) -> None:
    first, *more = [{"$file": each.hex(), "name": name, "type": "application/x-thing"} for each in contents]
    body = {"file": first, "more": more, "note": note, "sizes": chosen}
    whole = (name, "application/x-thing", contents[0].hex())

    assert_echoed(ask("Echo", "upload", {"body": body}), (whole, [each.hex() for each in contents[1:]], note, chosen))


@given(st.binary(min_size=1, max_size=64))
def test_raw_bodies(ask: Ask, body: bytes) -> None:
    assert ask("Echo", "raw", {"body": {"$bytes": body.hex()}}) == body.hex()
    assert echoing.seen[-1] == body


@given(everything)
def test_a_body_with_a_field_of_each_kind(ask: Ask, value: Everything) -> None:
    assert_echoed(ask("Echo", "body", {"body": value}), value)


@given(st.lists(st.integers(0, 3).map(Rights)), st.sampled_from([Rights.READ, Rights.WRITE]))
def test_combined_flags(ask: Ask, rights: list[Rights], only: Rights) -> None:
    assert_echoed(ask("Echo", "rights", {"body": rights, "only": only}), [*rights, only])


@given(wholes, wholes, texts)
def test_fields_that_are_read_from_inside_of_others(ask: Ask, deep: int, direct: int, word: str) -> None:
    """As the server wants them where the client cannot say how, and otherwise by the names that it has for them."""
    said = {"deep": deep, "direct": direct}

    assert ask("Echo", "placed", {"body": {"outer": [deep, direct]}}) == said
    assert ask("Echo", "placed", {"body": {"outer": [deep], "named": direct}}) == said
    assert ask("Echo", "named", {"body": {"deep": deep, "named": direct}}) == said
    assert ask("Echo", "chosen", {"named": word}) == {"word": word}


@given(st.lists(st.none() | everything, max_size=2))
def test_a_body_that_is_a_list(ask: Ask, value: list[Everything | None]) -> None:
    assert_echoed(ask("Echo", "listed", {"body": value}), value)


@given(trees, shapes, wholes)
def test_two_bodies(ask: Ask, tree: Tree, shape: Any, n: int) -> None:
    assert_echoed(ask("Echo", "two", {"n": n, "body": {"tree": tree, "shape": shape}}), [tree, shape, n])


@given(segments, changes)
def test_null_is_not_absence(ask: Ask, title: str, change: dict[str, Any]) -> None:
    absent = dict.fromkeys(Change.model_fields, UNDEFINED)

    assert_echoed(ask("Echo", "change", title, {"body": {**absent, **change}}), change)


@given(st.none() | trees)
def test_a_body_and_a_result_may_be_null(ask: Ask, tree: Tree | None) -> None:
    assert_echoed(ask("Echo", "nullable", {"body": tree}), tree)


@given(st.builds(Circle, kind=st.just("circle"), radius=reals) | st.lists(squares, max_size=2) | texts | st.none())
def test_a_body_of_one_of_several_types(ask: Ask, value: Any) -> None:
    assert_echoed(ask("Echo", "union", {"body": value}), value)


def test_a_method_without_a_result(ask: Ask) -> None:
    assert ask("Echo", "nothing") == UNDEFINED


@given(st.sampled_from([404, 409]), texts, wholes)
def test_errors_have_the_bodies_that_were_declared(talk: Conversation, status: int, what: str, by: int) -> None:
    bodies = {404: {"what": what}, 409: {"by": by}}

    answer = talk.ask({"service": "Echo", "method": "refused", "args": [status, {"what": what, "by": by}]})

    assert answer == {"status": status, "body": bodies[status]}


def test_what_does_not_validate_is_an_error_that_says_where(talk: Conversation) -> None:
    answer = talk.ask({"service": "Echo", "method": "two", "args": [{"n": 1, "body": {"tree": {"name": 1}}}]})

    assert answer["status"] == 422
    assert [each["loc"] for each in answer["body"]["detail"]] == [["body", "tree", "name"], ["body", "shape"]]


@given(texts, st.binary(max_size=512), st.lists(st.binary(max_size=64), min_size=1, max_size=4))
def test_results_that_are_text_files_and_streams(ask: Ask, text: str, content: bytes, parts: list[bytes]) -> None:
    assert ask("Flow", "text", {"text": text}) == text
    assert ask("Flow", "file", {"hex": content.hex()}) == {"$blob": content.hex(), "type": "application/x-thing"}
    assert ask("Flow", "stream", {"hexes": [each.hex() for each in parts]}) == {"$stream": b"".join(parts).hex()}


@given(st.lists(trees, max_size=3))
def test_results_that_come_one_by_one(ask: Ask, values: list[Tree]) -> None:
    events = ask("Flow", "events", {"body": values})

    assert [each["data"] for each in events] == on_the_wire(values)
    assert {each["event"] for each in events} <= {"message"}
    assert ask("Flow", "lines", {"body": values}) == on_the_wire(values)


@given(segments, texts, st.lists(everything, max_size=2))
def test_websockets(talk: Conversation, room: str, lang: str, values: list[Everything]) -> None:
    echoing.seen.clear()

    answer = talk.ask({"talk": [room, lang, on_the_wire(values)]})

    assert echoing.seen == [(room, lang), *values]
    assert answer == {"result": [*on_the_wire(echoing.seen[1:]), len(values)]}
