"""Values of the echoing application, as Hypothesis draws them: all that JSON and HTTP can carry without a loss."""

from datetime import UTC, timedelta
from typing import Any

from echoing import Answer, Both, Circle, Colour, Envelope, Everything, Farewell, Mixed, Scalars, Size, Square, Tree
from hypothesis import strategies as st

SAFE = 2**53 - 1  # beyond, JavaScript rounds whole numbers

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
wholes = st.integers(-SAFE, SAFE)
reals = st.floats(allow_nan=False, allow_infinity=False)
amounts = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=3)
days = st.dates()
moments = st.datetimes(timezones=st.sampled_from([None, UTC]))
colours = st.sampled_from(Colour)
sizes = st.sampled_from(Size)
trees = st.recursive(
    st.builds(Tree, name=texts, children=st.just([])),
    lambda inner: st.builds(Tree, name=texts, children=st.lists(inner, max_size=2)),
    max_leaves=4,
)
shapes = st.builds(Circle, kind=st.just("circle"), radius=reals) | st.builds(
    Square, kind=st.just("square"), side=wholes
)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | wholes | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)

scalars = st.builds(
    Scalars,
    text=texts,
    whole=wholes,
    real=reals,
    truth=st.booleans(),
    raw=texts.map(str.encode),
    amount=amounts,
    id=st.uuids(),
    day=days,
    moment=moments,
    hour=st.times(),
    duration=st.timedeltas(timedelta(days=-10_000), timedelta(days=10_000)),
)


def enveloped(inside: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """What envelopes are made of, one inside of the other."""
    return st.recursive(
        st.fixed_dictionaries({"inside": inside}),
        lambda inner: st.fixed_dictionaries({"inside": inside, "more": st.lists(inner, max_size=2)}),
        max_leaves=3,
    )


everything = st.builds(
    Everything,
    scalars=scalars,
    colour=colours,
    size=sizes,
    mixed=st.sampled_from(Mixed),
    words=st.lists(texts, max_size=3),
    numbers=st.sets(wholes, max_size=3),
    pair=st.tuples(wholes, texts),
    many=st.lists(reals, max_size=3).map(tuple),
    by_name=st.dictionaries(texts, amounts, max_size=3),
    by_number=st.dictionaries(wholes, st.booleans(), max_size=3),
    by_colour=st.dictionaries(colours, sizes),
    shape=shapes,
    union=wholes | texts | st.lists(trees, max_size=2) | st.none(),
    exact=st.sampled_from(["a'b", "\\", 1, True, None]),
    tree=trees,
    anything=json_values,
    key=texts,
    left_out=st.none() | wholes,
    with_default=st.lists(wholes, max_size=2),
    envelope=enveloped(st.none() | trees).map(Envelope[Tree | None].model_validate),
    both=st.builds(
        Both[int, Envelope[Colour]],
        left=wholes,
        right=st.none() | enveloped(colours).map(Envelope[Colour].model_validate),
    ),
)

answers = st.builds(Answer, value=everything) | st.builds(Farewell, asked=wholes)


# -- what the parts of a request can carry

segments = texts.filter(lambda text: text not in ("", ".", "..") and "/" not in text)
"""A value between two slashes of a path."""

rests = st.lists(segments, min_size=1, max_size=3).map("/".join).filter(lambda text: "\n" not in text)
"""Several of them. Routes do not match a line break there."""

header_values = st.text(
    st.characters(max_codepoint=0xFF, exclude_categories=["Cc"]).filter(lambda each: each != "\xa0"), max_size=12
).map(str.strip)
"""Latin-1 without control characters; blanks around a value belong to no value."""

cookie_values = st.text(st.characters(max_codepoint=0xFF, exclude_characters="\0\r\n"), max_size=12)

form_values = texts.filter(bool)
"""To FastAPI, a form field that is empty is one that is not there."""

multipart_values = form_values.filter(lambda text: not {"\r", "\n"} & set(text))
"""Multipart forms make CRLF of every line break."""

file_names = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters='"\\%;'), min_size=1, max_size=8
).filter(lambda text: text.strip() == text)
"""Browsers write quotes and line breaks in them otherwise than servers read them."""
