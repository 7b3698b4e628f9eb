"""What pytest says when records, or the payloads in them, are not what a test compared them with."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from jararaca_testing.fields import Missing
from jararaca_testing.records import Record, Records, how_often
from jararaca_testing.showing import DEEPEST, MASK, fields_of, is_secret, shown

MOST = 10
WIDEST = 200
_NAMES = ("kind", "topic", "handler", "attempt", "outcome", "reason", "message_id", "headers", "cause", "at", "facts")


def compared(op: str, left: Any, right: Any) -> list[str] | None:
    """The lines behind `assert left op right`; None for what is not ours to explain."""
    if op == "==" and isinstance(left, Record) and isinstance(right, Record):
        return [_headline("==", left, right), *_record_differences(left, right)]
    if op == "==" and isinstance(left, Records | list | tuple) and isinstance(right, Records | list | tuple):
        is_ours = any(isinstance(each, Records) or _of_records(each) for each in (left, right))
        return _lists(list(left), list(right), _headline("==", left, right)) if is_ours else None
    if op == "==" and isinstance(left, BaseModel) and type(left) is type(right):
        return [_headline("==", left, right), *_payload_differences(left, right)]
    if op in ("in", "not in") and (isinstance(right, Records) or _of_records(right)):
        return _membership(op, left, list(right), right)
    return None


def _of_records(value: Any) -> bool:
    is_several = isinstance(value, list | tuple) and not isinstance(value, Record)
    return is_several and bool(value) and all(isinstance(each, Record) for each in value)


def _headline(op: str, left: Any, right: Any) -> str:
    return f"{_named(left)} {op} {_named(right)}"


def _named(value: Any) -> str:
    if isinstance(value, Records):
        return repr(value)
    if _of_records(value):
        return f"<list of records: {how_often(len(value))}>"
    return f"#{value.seq}" if isinstance(value, Record) else shown(value, WIDEST)


def _lists(left: Sequence[Any], right: Sequence[Any], headline: str) -> list[str]:
    lines = [headline]
    if len(left) != len(right):
        lines.append(f"there are {len(left)} on the left and {len(right)} on the right")
    place = next((each for each, pair in enumerate(zip(left, right, strict=False)) if pair[0] != pair[1]), None)
    if place is not None:
        ours, theirs = left[place], right[place]
        lines += [f"the first difference is at index {place}:", f"  left:  {_line(ours)}", f"  right: {_line(theirs)}"]
        both = isinstance(ours, Record) and isinstance(theirs, Record)
        lines += [f"  {line}" for line in _record_differences(ours, theirs)] if both else _hint(ours, theirs)
        return lines
    longer, side = (left, "left") if len(left) > len(right) else (right, "right")
    extra = longer[min(len(left), len(right)) :]
    return [*lines, f"only on the {side}:", *_listed(extra)]


def _hint(left: Any, right: Any) -> list[str]:
    if isinstance(left, Record) == isinstance(right, Record):
        return []
    return ["  a record is no payload: compare [each.payload for each in records]"]


def _listed(records: Sequence[Any]) -> list[str]:
    more = [f"  and {len(records) - MOST} more"] if len(records) > MOST else []
    return [f"  {_line(each)}" for each in records[:MOST]] + more


def _line(value: Any) -> str:
    return str(value) if isinstance(value, Record) else shown(value, WIDEST)


def _membership(op: str, wanted: Any, records: Sequence[Record], whole: Any) -> list[str]:
    lines = [_headline(op, wanted, whole), *_listed(records)]
    if isinstance(wanted, Record):
        return lines
    lines.append("  a record is no payload: look for it in [each.payload for each in records]")
    near = [each for each in records if type(each.payload) is type(wanted)]
    scored = [(list(_payload_differences(each.payload, wanted)), each) for each in near]
    if scored:
        differences, record = min(scored, key=lambda each: (len(each[0]), each[1].seq))
        lines.append(f"  the closest is #{record.seq}{':' if differences else ', which has that payload'}")
        lines += [f"    {line}" for line in differences]
    return lines


def _record_differences(left: Record, right: Record) -> Iterator[str]:
    for name in _NAMES:
        ours, theirs = getattr(left, name), getattr(right, name)
        if ours != theirs:
            yield f"{name}: {shown(ours, WIDEST)} != {shown(theirs, WIDEST)}"
    if left.payload != right.payload:
        for line in _payload_differences(left.payload, right.payload):
            yield f"payload {line}"
    if left.seq != right.seq:
        yield f"seq: {left.seq} != {right.seq}"


def _payload_differences(left: Any, right: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """One line for each field in which two payloads differ, fields of fields by their path."""
    ours, theirs = _pairs(left), _pairs(right)
    if ours is None or theirs is None or type(left) is not type(right) or len(path) > DEEPEST:
        if left != right:
            yield f"{'.'.join(path) or 'itself'}: {_value(path, left)} != {_value(path, right)}"
        return
    for name in dict.fromkeys([*ours, *theirs]):
        yield from _payload_differences(ours.get(name, Missing), theirs.get(name, Missing), (*path, name))


def _pairs(payload: Any) -> dict[str, Any] | None:
    if isinstance(payload, Mapping | BaseModel):
        return {str(name): value for name, value in dict(payload).items()}
    return fields_of(payload)


def _value(path: tuple[str, ...], value: Any) -> str:
    if value is Missing:
        return "missing"
    return MASK if path and is_secret(path[-1]) else shown(value, WIDEST)
