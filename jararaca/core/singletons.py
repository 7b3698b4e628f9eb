"""The objects that live as long as the process: built once whoever asks, disposed in reverse order."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from jararaca.core.construction import NOTHING, Construction, no_value, unexpected_coroutine
from jararaca.core.disposal import Opened, dispose, dispose_now
from jararaca.core.recipes import Kind
from jararaca.core.resolution import Graph, Node
from jararaca.core.secrecy import without_values
from jararaca.core.tokens import UNSET, Key, name_of
from jararaca.errors import AsyncFactory

logger = logging.getLogger("jararaca.core")


@dataclass(slots=True, eq=False)
class _Attempt:
    """One build of one root. `made` are the objects that nobody else has seen yet: they go if it fails."""

    version: int
    made: set[Key] = field(default_factory=set)


class Singletons:
    """Builds over a graph. Whatever is replaced in it takes everything along that was built with it."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._version = 0
        self._built: dict[Key, Any] = {}
        self._opened: list[tuple[Node, Opened]] = []
        self._dropped: list[Opened] = []
        self._pending: dict[Key, Construction] = {}
        self._attempts: list[_Attempt] = []

    def __contains__(self, key: Key) -> bool:
        return key in self._built

    def everything(self) -> list[object]:
        """Every object that is built, in the order of building."""
        return list(self._built.values())

    def get_built(self, key: Key) -> Any:
        """The object behind a key that is built. From now on it stays, even if the build that made it fails."""
        if self._attempts:
            used = {node.key for node in self._graph.order(key)}
            for attempt in self._attempts:
                attempt.made -= used
        return self._built[key]

    async def get(self, root: Key) -> Any:
        """The object behind a key that lives as long as the process, built now if it was not before.

        Builds that run at the same time share what they build. One that fails disposes of what only it has used,
        and may be tried again.
        """
        await self.dispose_dropped()
        while root not in self._built:
            await self._attempt(root)
            await self.dispose_dropped()
        return self.get_built(root)

    def __len__(self) -> int:
        """How many objects are built."""
        return len(self._built)

    def get_now(self, root: Key) -> Any:
        """The same without an event loop.

        Raises:
            AsyncFactory: something that is not built yet takes awaiting.
        """
        while root not in self._built:
            awaited = next((node for node in self._graph.order(root) if self._must_be_awaited(node)), None)
            if awaited is not None:
                raise AsyncFactory(
                    f"{name_of(root)} cannot be built without awaiting: {awaited.recipe.owner} is async. "
                    f"Use await container.resolve({name_of(root)}), or start the application first."
                )
            _run_to_end(self._attempt(root))
        return self.get_built(root)

    def replace_graph(self, graph: Graph, outdated: set[Key]) -> None:
        """Go on with another graph, without the objects of `outdated`.

        Those made by generators are disposed here, up to one that must be awaited; it and what was built before it
        are disposed at the next `get`, `dispose_dropped` or `close`. Builds that are running start again.

        Raises:
            BaseException: what a disposal raised; see `dispose`.
        """
        self._graph = graph
        self._version += 1
        dropped = self._take(lambda node: node.key in outdated, outdated)
        try:
            dispose_now(dropped)
        finally:
            self._dropped += dropped

    async def dispose_dropped(self) -> None:
        """Dispose of what was replaced and could not be disposed of on the spot."""
        if self._dropped:
            dropped, self._dropped = self._dropped, []
            await dispose(dropped)

    async def close_late(self) -> None:
        """Dispose of what was built after the interceptors, and of what needs it."""
        self._version += 1
        late = {key for key in self._built if self._graph.node(key).is_late}
        await dispose(self._take(lambda node: node.is_late, late))

    async def close(self) -> None:
        """Dispose of everything. What is asked for afterwards is built again."""
        self._version += 1
        opened = self._take(lambda _: True, set(self._built))
        dropped, self._dropped = self._dropped, []
        await dispose([*opened, *dropped])

    def _take(self, is_taken: Callable[[Node], bool], keys: set[Key]) -> list[Opened]:
        """Forget the objects of `keys`, and give back the generators of the nodes that are taken."""
        for key in keys:
            self._built.pop(key, None)
        taken = [generator for node, generator in self._opened if is_taken(node)]
        self._opened = [(node, generator) for node, generator in self._opened if not is_taken(node)]
        return taken

    def _must_be_awaited(self, node: Node) -> bool:
        return node.recipe.kind.awaits and node.key not in self._built

    async def _attempt(self, root: Key) -> None:
        """Build a root and what it needs. Returns without it if something was replaced in the meantime."""
        attempt = _Attempt(self._version)
        self._attempts.append(attempt)
        try:
            for node in self._graph.order(root):
                await self._ensure(node, attempt)
                if self._version != attempt.version:
                    return
        except BaseException:
            await self._undo(attempt)
            raise
        finally:
            self._attempts.remove(attempt)

    async def _ensure(self, node: Node, attempt: _Attempt) -> None:
        while node.key not in self._built and self._version == attempt.version:
            if node.key in self._pending:
                await self._pending[node.key].wait(node.recipe.owner)
                continue
            try:
                if node.recipe.kind.awaits:
                    await self._make_awaiting(node, attempt)
                else:
                    self._make(node, attempt)
            except Exception as error:
                refusal = without_values(error, node.recipe.owner)
                if refusal is None:
                    raise
            else:
                continue
            raise refusal  # here, where the error that shows values is not its context
        if node.key not in attempt.made and node.key in self._built:
            self.get_built(node.key)

    def _make(self, node: Node, attempt: _Attempt) -> None:
        recipe = node.recipe
        generator: Opened | None = None
        made: Any
        if recipe.kind is Kind.VALUE:
            made = recipe.target
        elif recipe.kind is Kind.ALIAS:
            made = self._built[next(node.needed).key]
        else:
            made = self._call(node)
            if recipe.kind is Kind.GENERATOR:
                made, generator = next(made, NOTHING), made
            elif isinstance(made, Coroutine):
                raise unexpected_coroutine(made, recipe.owner)
        self._keep(node, attempt, made, generator)

    async def _make_awaiting(self, node: Node, attempt: _Attempt) -> None:
        construction = self._pending[node.key] = Construction(asyncio.current_task())
        generator = None
        try:
            made = self._call(node)
            if node.recipe.kind is Kind.ASYNC_GENERATOR:
                made, generator = await anext(made, NOTHING), made
            else:
                made = await made
            if self._version == attempt.version:
                self._keep(node, attempt, made, generator)
            elif generator is not None:
                self._dropped.append(generator)
        finally:
            del self._pending[node.key]
            construction.finish()

    def _keep(self, node: Node, attempt: _Attempt, made: object, generator: Opened | None) -> None:
        if made is NOTHING:
            raise no_value(node.recipe.owner)
        if generator is not None:
            self._opened.append((node, generator))
        self._built[node.key] = made
        attempt.made.add(node.key)

    def _call(self, node: Node) -> Any:
        positional: list[object] = []
        named: dict[str, object] = {}
        for need, needed in node.arguments:
            value = need.default if needed is None else self._built[needed.key]
            if needed is None and value is UNSET:
                continue
            if need.by_position:
                positional.append(value)
            else:
                named[need.parameter] = value
        return node.recipe.target(*positional, **named)

    async def _undo(self, attempt: _Attempt) -> None:
        try:
            await dispose(self._take(lambda node: node.key in attempt.made, attempt.made))
        except Exception:  # the reason why the build failed must surface
            logger.exception("disposing of what a failed build had made failed")


def _run_to_end(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that awaits nothing."""
    with suppress(StopIteration):
        coroutine.send(None)
