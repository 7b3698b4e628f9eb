"""What happened, as values that a test can count, pick from and assert on, with failures that explain themselves."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, overload

from jararaca_testing.fields import Expected, differences, fits
from jararaca_testing.showing import shown, without_secrets

SHOWN = 20
LONGEST = 1_000
"""Characters of one payload on the line of its record."""


NOTHING: Mapping[str, Any] = MappingProxyType({})


class Essence(NamedTuple):
    """What is known of a record for as long as the test runs, when its details were given up."""

    kind: str
    topic: str | None
    handler: str | None
    outcome: str | None
    reason: str | None
    failed: bool


class Record(NamedTuple):
    """One thing that happened, in the order of `seq`.

    `at` is in seconds since the test began, `until` when it ended, `ended` the number of that moment in the count of
    `seq`; None while it lasts. `cause` is the `seq` of the record that led here: for an attempt the publish of its
    message, for what is published, sent or committed the request, attempt or firing in which it was. `payload` is the
    model that was published or handled, or parsed JSON where no model is known. `facts` is what else is known of its
    kind, such as the `path` of a request. A tuple, because thousands are made and few are looked at.
    """

    seq: int
    kind: str
    at: float
    cause: int | None = None
    topic: str | None = None
    payload: Any = None
    headers: Mapping[str, Any] = NOTHING
    message_id: str | None = None
    handler: str | None = None
    attempt: int | None = None
    outcome: str | None = None
    reason: str | None = None
    error: BaseException | None = None
    execution: str | None = None
    ended: int | None = None
    until: float | None = None
    facts: Mapping[str, Any] = NOTHING

    @property
    def essence(self) -> Essence:
        """What remains of it when its details are given up."""
        return Essence(self.kind, self.topic, self.handler, self.outcome, self.reason, self.error is not None)

    def __repr__(self) -> str:
        return f"<{self}>"

    def __str__(self) -> str:
        """One line for people: place, time, kind, and what tells this record from its neighbours; without secrets."""
        parts = [f"#{self.seq}", f"t={self.at:.3f}", self.kind]
        parts += [str(part) for part in (self.topic, self.handler) if part]
        parts += [f"attempt {self.attempt}"] if self.attempt is not None else []
        said = [shown(self.payload, LONGEST)] if self.payload is not None else []
        ended = [part for part in (self.outcome, self.reason) if part]
        if self.error is None:
            return " ".join([*parts, *ended, *said])
        error = without_secrets(f"{type(self.error).__name__}: {self.error}")
        return " ".join([*parts, *said, *ended, error])  # its words come last, for nobody knows where they end


Predicate = Callable[[Record], bool]
Explain = Callable[[Sequence[Record]], list[str]]
"""Lines about why records are not what a test expected, given those that there are."""

Refuse = Callable[[str, Mapping[str, Expected], Sequence[Record]], None]
"""Told of a question, the fields that it is narrowed by, and the records of which none has them."""

Look = Callable[[Sequence[Record]], None]
"""Told which records a test has looked at."""


class Records(Sequence[Record]):
    """Records that answer one question, with the assertions a test makes about them.

    `one`, `none`, `times` and `attempts` raise `AssertionError` naming the question, the answer and what came close.
    `forgotten` is how many more there were, whose details were given up; `count` has them. `look` is told of the
    records as soon as the test uses them, be it that it counts them. `refuse` raises if fields can fit none.
    """

    def __init__(
        self,
        records: Sequence[Record],
        *,
        question: str,
        explain: Explain = lambda _records: [],
        forgotten: int = 0,
        describe: Callable[[Record], str] = str,
        look: Look = lambda _records: None,
        refuse: Refuse = lambda _question, _fields, _records: None,
    ) -> None:
        self._records = tuple(records)
        self.question = question
        self.forgotten = forgotten
        self._explain = explain
        self._describe = describe
        self._look = look
        self._refuse = refuse
        self._is_exact = True

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> "Records": ...
    def __getitem__(self, index: int | slice) -> "Record | Records":
        if isinstance(index, slice):
            bounds = ":".join("" if bound is None else str(bound) for bound in (index.start, index.stop))
            return self._narrowed(self._records[index], f"{self.question}[{bounds}]", self._explain)
        self._look(self._records)
        if not -len(self._records) <= index < len(self._records):
            raise IndexError(self._failure(f"there is no record {index}; it happened {how_often(self.count)}"))
        return self._records[index]

    def __len__(self) -> int:
        self._look(self._records)
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        self._look(self._records)
        return iter(self._records)

    def __eq__(self, other: object) -> bool:
        """Whether they are the same records as those of a list, a tuple or other `Records`, in the same order."""
        if not isinstance(other, Records | list | tuple):
            return NotImplemented
        return list(self) == list(other)

    __hash__ = None  # type: ignore[assignment] # as every list

    def __repr__(self) -> str:
        return f"<{self.question}: {how_often(self.count)}>"

    @property
    def count(self) -> int:  # type: ignore[override] # Sequence.count(value) has no use here
        """How many there are."""
        self._demand_details()
        return len(self) + self.forgotten

    def where(self, predicate: Predicate | None = None, /, **fields: Expected) -> "Records":
        """Those that satisfy `predicate` and whose payload has these fields.

        A field's expected value may be a callable that takes the actual one and answers whether it fits; `a__b` is
        field `b` of field `a`. Without any condition they are these records themselves.

        Raises:
            InvalidOption: no model of what is asked for has such a field, so that the answer would always be none.
        """
        if predicate is None and not fields:
            return self
        kept = [each for each in self._records if (predicate is None or predicate(each)) and fits(each.payload, fields)]
        if fields and not kept:
            self._refuse(self.question, fields, self._records)
        shown = [f"{name}={expected!r}" for name, expected in fields.items()]
        shown += [getattr(predicate, "__name__", "predicate")] if predicate else []

        def explain(_records: Sequence[Record]) -> list[str]:
            return [*near_misses(self._records, fields, self._describe), *self._explain(self._records)]

        return self._narrowed(kept, f"{self.question}.where({', '.join(shown)})", explain)

    def one(self) -> Record:
        """The only record there is."""
        self.times(1)
        self._demand_details(self.forgotten)
        return self._records[0]

    def none(self) -> None:
        """Assert that there is no record."""
        self.times(0)

    def times(self, expected: int) -> "Records":
        """Assert that there are exactly so many, and return them."""
        if self.count != expected:
            happened = how_often(self.count)
            raise AssertionError(self._failure(f"expected {how_often(expected)}, but it happened {happened}"))
        return self

    def attempts(self, expected: int) -> "Records":
        """Assert that one message was attempted exactly so many times, and return the attempts."""
        self._demand_details(self.forgotten)
        messages = {record.message_id for record in self}
        if len(messages) > 1:
            raise AssertionError(self._failure(f"expected attempts at one message, but there are {len(messages)}"))
        return self.times(expected)

    def _narrowed(self, records: Sequence[Record], question: str, explain: Explain) -> "Records":
        narrowed = Records(
            records,
            question=question,
            explain=explain,
            forgotten=self.forgotten,
            describe=self._describe,
            look=self._look,
            refuse=self._refuse,
        )
        narrowed._is_exact = False
        return narrowed

    def _demand_details(self, of: int = 0) -> None:
        if of or (self.forgotten and not self._is_exact):
            raise AssertionError(
                f"{self.question}: this cannot be told any more: of {self.forgotten} earlier records the details were "
                "given up. Ask earlier, or let the test do less."
            )

    def _failure(self, what: str) -> str:
        lines = [f"{self.question}: {what}."]
        lines += [f"  {record}" for record in self._records[:SHOWN]]
        more = len(self._records) + self.forgotten - SHOWN
        if more > 0:
            lines.append(f"  and {more} more")
        return "\n".join([*lines, *self._explain(self._records)])


def near_misses(
    records: Sequence[Record], fields: Mapping[str, Expected], describe: Callable[[Record], str] = str
) -> list[str]:
    """The three records that come closest to the wanted fields, each with the fields in which it differs."""
    scored = [(differences(record.payload, fields), record) for record in records]
    close = sorted((each for each in scored if each[0]), key=lambda each: (len(each[0]), each[1].seq))[:3]
    return [
        line for wrong, record in close for line in (f"close: {describe(record)}", *(f"    {one}" for one in wrong))
    ]


def how_often(number: int) -> str:
    """A number of times, in words."""
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")
