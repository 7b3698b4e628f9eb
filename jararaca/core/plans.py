"""One function per root: the objects of a unit of work are built by straight code that is generated once.

What lives as long as the process is a constant of that code, so a plan holds until something of it is replaced. A
plan is a coroutine function only if it awaits: everything else is resolved without touching the event loop.
"""

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from jararaca.core.construction import NOTHING, Construction, no_value, unexpected_coroutine, wait_for
from jararaca.core.disposal import Opened, abandon, outlived
from jararaca.core.recipes import Kind
from jararaca.core.resolution import Node
from jararaca.core.signatures import Need
from jararaca.core.tokens import UNSET, Key


class Workshop(Protocol):
    """What a plan fills: the objects that are built, the generators to resume at the end, what is being built."""

    built: dict[Key, Any]
    opened: list[Opened]
    pending: dict[Key, Construction | None]
    is_closed: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """How to build one root in a scope.

    `build` returns the object, or something to await if `awaits`; then `awaited` is the first factory that must be.
    `key` is the one under which the scope keeps the object.
    """

    build: Callable[[Workshop], Any]
    key: Key
    awaits: bool
    awaited: str = ""


def constant_plan(key: Key, value: object) -> Plan:
    """The plan for what is there already."""
    return Plan(lambda _: value, key, awaits=False)


def plan_of(order: Sequence[Node], constants: Mapping[Key, object]) -> Plan:
    """The plan that builds the nodes of `order`, all of which live for a unit of work, and gives the last one.

    `constants` are the objects behind all other keys that they need.
    """
    writer = _Writer(constants)
    for node in order:
        writer.write(node)
    return writer.finish(order[-1])


class _Writer:
    """Collects the source text of a plan and the objects that it refers to."""

    def __init__(self, constants: Mapping[Key, object]) -> None:
        self._constants = constants
        self._lines: list[str] = []
        self._awaited = ""
        self._variables: dict[Key, str] = {}
        self._globals: dict[str, Any] = {
            "NOTHING": NOTHING,
            "Coroutine": types.CoroutineType,
            "no_value": no_value,
            "outlived": outlived,
            "abandon": abandon,
            "unexpected_coroutine": unexpected_coroutine,
            "wait_for": wait_for,
        }

    def write(self, node: Node) -> None:
        """Add the lines that leave the object of `node` in a variable of its own."""
        variable = self._variables[node.key] = f"v{len(self._variables)}"
        if node.recipe.kind is Kind.SCOPE:
            self._lines.append(f"    {variable} = scope")
        elif node.recipe.kind is Kind.ALIAS:
            self._lines.append(f"    {variable} = {self._variables[next(node.needed).key]}")
        else:
            if node.recipe.kind.awaits:
                self._awaited = self._awaited or node.recipe.owner
            key, owner = self._refer(node.key), self._refer(node.recipe.owner)
            call = f"{self._refer(node.recipe.target)}({', '.join(self._arguments(node))})"
            self._lines += [
                line.format(v=variable, key=key, owner=owner, call=call) for line in _LINES[node.recipe.kind]
            ]

    def finish(self, root: Node) -> Plan:
        """Compile what was written into a function of the scope that returns the object of `root`."""
        variable = self._variables[root.key]
        while root.recipe.kind is Kind.ALIAS:
            root = next(root.needed)
        head = _HEAD.format(function="async def" if self._awaited else "def", key=self._refer(root.key))
        source = "\n".join([head, *self._lines, f"    return {variable}"])
        exec(compile(source, f"<plan of {root.recipe.owner}>", "exec"), self._globals)  # noqa: S102 -- our own text
        return Plan(self._globals["build"], root.key, bool(self._awaited), self._awaited)

    def _refer(self, value: object) -> str:
        name = f"g{len(self._globals)}"
        self._globals[name] = value
        return name

    def _arguments(self, node: Node) -> list[str]:
        written = []
        in_position = True
        for need, needed in node.arguments:
            value = self._value(need, needed)
            if value is None:
                in_position = False
            else:
                by_name = need.by_keyword or not (in_position or need.by_position)
                written.append(f"{need.parameter}={value}" if by_name else value)
        return written

    def _value(self, need: Need, needed: Node | None) -> str | None:
        if needed is None:
            return None if need.default is UNSET else self._refer(need.default)
        return self._variables.get(needed.key) or self._refer(self._constants[needed.key])


_HEAD = """\
{function} build(scope):
    built = scope.built
    if {key} in built:
        return built[{key}]
    pending = scope.pending"""

_ONCE = (
    "    if {key} in built:",
    "        {v} = built[{key}]",
    "    else:",
)

_INSTANCE = (*_ONCE, "        {v} = built[{key}] = {call}")

# Another coroutine of the same scope may be building the object: it is waited for, and replaced if it fails.
_ONCE_AWAITED = (
    "    while {key} not in built:",
    "        if {key} in pending:",
    "            await wait_for(pending, {key}, {owner})",
    "            if scope.is_closed:",
    "                raise outlived({owner})",
    "            continue",
    "        pending[{key}] = None",
    "        try:",
)

_DONE = (
    "        finally:",
    "            construction = pending.pop({key})",
    "            if construction is not None:",
    "                construction.finish()",
    "        break",
    "    {v} = built[{key}]",
)

_LINES = {
    Kind.CALL: (
        *_ONCE,
        "        {v} = {call}",
        "        if type({v}) is Coroutine:",
        "            raise unexpected_coroutine({v}, {owner})",
        "        built[{key}] = {v}",
    ),
    Kind.GENERATOR: (
        *_ONCE,
        "        generator = {call}",
        "        {v} = next(generator, NOTHING)",
        "        if {v} is NOTHING:",
        "            raise no_value({owner})",
        "        scope.opened.append(generator)",
        "        built[{key}] = {v}",
    ),
    Kind.AWAIT: (
        *_ONCE_AWAITED,
        "            built[{key}] = await {call}",
        "            if scope.is_closed:",
        "                raise outlived({owner})",
        *_DONE,
    ),
    Kind.ASYNC_GENERATOR: (
        *_ONCE_AWAITED,
        "            generator = {call}",
        "            {v} = await anext(generator, NOTHING)",
        "            if {v} is NOTHING:",
        "                raise no_value({owner})",
        "            if scope.is_closed:",
        "                await abandon(generator, {owner})",
        "            scope.opened.append(generator)",
        "            built[{key}] = {v}",
        *_DONE,
    ),
}
