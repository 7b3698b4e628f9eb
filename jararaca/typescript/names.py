"""From the names of an application to identifiers of TypeScript that mean nothing else there."""

import re
from collections.abc import Iterable


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_RESERVED = _words(
    """
    arguments await break case catch class const continue debugger default delete do else enum eval export extends
    false finally for function if implements import in instanceof interface let new null package private protected
    public return static super switch this throw true try typeof undefined var void while with yield
    """
)

_OURS = _words("backend call encodePath encodePathSegments fieldsOf options pairsOf query variables")
"""What methods and hooks use beside their parameters."""

_STANDARD = _words(
    """
    AbortController AbortSignal AggregateError Array ArrayBuffer AsyncGenerator AsyncGeneratorFunction
    AsyncIterable AsyncIterator Atomics Awaited BigInt Blob BodyInit Boolean Buffer BufferSource CloseEvent
    ConstructorParameters DOMException DataView Date Error ErrorEvent Event EventListener EventSource EventTarget
    Exclude Extract File FileList FormData Function Generator Headers HeadersInit InstanceType Intl Iterable
    Iterator JSON Lowercase Map Math MessageEvent NodeJS NonNullable Number Object Omit Parameters Partial Pick
    Promise PromiseLike PropertyDescriptor PropertyKey Proxy RangeError ReadableStream ReadableStreamDefaultReader
    Readonly ReadonlyArray ReadonlyMap ReadonlySet Record Reflect RegExp Request RequestCredentials RequestInfo
    RequestInit Required Response ResponseInit ReturnType Set String Symbol SyntaxError TextDecoder
    TextDecoderStream TextEncoder ThisType TransformStream TypeError URIError URL URLSearchParams Uint8Array
    Uppercase WeakMap WeakRef WeakSet WebSocket WritableStream clearInterval clearTimeout console crypto document
    fetch globalThis performance process queueMicrotask self setInterval setTimeout structuredClone window
    """
)
"""Names of the language and of browsers that a client may mention: a model of the same name would hide them."""

_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_WORD = re.compile(r"[A-Za-z0-9]+")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")


def is_identifier(text: str) -> bool:
    """Whether the text can stand as a property name without quotes."""
    return _IDENTIFIER.fullmatch(text) is not None


def pascal(text: str) -> str:
    """`Page_int_` becomes `PageInt`, `Item-Input` becomes `ItemInput`; letters beyond ASCII become their numbers."""
    words = _WORD.findall(_ascii(text))
    name = "".join(word[0].upper() + word[1:] for word in words) or "Nameless"
    return f"N{name}" if name[0].isdigit() else name


def camel(text: str) -> str:
    """`create_task` becomes `createTask`; an identifier that is no reserved word, whatever comes in."""
    words = _WORD.findall(_ascii(text)) or ["nameless"]
    first = words[0][0].lower() + words[0][1:]
    name = first + "".join(word[0].upper() + word[1:] for word in words[1:])
    return f"n{name}" if name[0].isdigit() else name


def argument(text: str) -> str:
    """A name for a parameter of a function."""
    name = camel(text)
    return f"{name}_" if name in _RESERVED else name


def _ascii(text: str) -> str:
    return _BEYOND_ASCII.sub(lambda match: f"u{ord(match.group()):x}", text)


class Names:
    """Identifiers of one scope; each is given once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    @classmethod
    def of_a_method(cls) -> "Names":
        """The scope of the parameters of a method."""
        return cls(_OURS)

    @classmethod
    def of_a_file(cls, declared: Iterable[str]) -> "Names":
        """The scope of a module that declares some names already, and mentions those of the language."""
        return cls({*_RESERVED, *_STANDARD, "Selected", *declared})

    def within(self) -> "Names":
        """A scope inside of this one, where nothing hides what is given here by now."""
        return Names(self._taken)

    def take(self, *wanted: str) -> str:
        """The first of the wanted names that is free, or the last one with the first number that makes it free."""
        for name in wanted:
            if name not in self._taken:
                self._taken.add(name)
                return name
        number = 2
        while f"{wanted[-1]}{number}" in self._taken:
            number += 1
        return self.take(f"{wanted[-1]}{number}")
