"""No text of an application becomes code of its client."""

import re

import pytest
from clients import query_written, written
from drawn import CANARY, applications, texts
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from jararaca.typescript.collect import collect
from jararaca.typescript.names import argument, camel, is_identifier, pascal
from jararaca.typescript.quoting import comment, key, member, string
from jararaca_testing.contracts import proves

_QUOTED = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"|/\*.*?\*/|//[^\n]*', re.S)
_DIRECTIVE = re.compile(r"^[/*\s]*@ts-", re.M)
_PAIRS = {")": "(", "]": "[", "}": "{"}


def code_of(text: str) -> str:
    """A text without what is quoted and what is a comment."""
    return _QUOTED.sub(" ", text)


def is_balanced(code: str) -> bool:
    opened: list[str] = []
    for character in code:
        if character in _PAIRS.values():
            opened.append(character)
        elif character in _PAIRS and (not opened or opened.pop() != _PAIRS[character]):
            return False
    return not opened


def check(text: str) -> None:
    """See that a text has no code but what the generator writes."""
    code = code_of(text)
    assert not re.search(rf"(?<!\w){CANARY}\s*[(`]", code), text
    assert is_balanced(code), text
    assert code.isascii(), text
    assert not set(code) & set("\"'`\\;$@#") - set(";"), text
    assert not _DIRECTIVE.search(text), text
    for line in code.splitlines():
        assert not line or line[0] in " }])" or line.startswith(("export ", "import ")), line


@pytest.mark.slow
@proves("F-93")
@settings(max_examples=60)
@given(applications())
def test_names_texts_and_values_stay_what_they_are(app: FastAPI) -> None:
    client = collect(app)

    check(written(client))
    check(query_written(client))


@given(texts | st.just("\ud800"))
def test_a_comment_ends_where_it_should(text: str) -> None:
    lines = comment(text, tags=["deprecated"], indent="  ")
    whole = "\n".join(lines)

    assert re.fullmatch(r"  /\*\*.*?\*/", whole, re.S)
    assert whole.index("*/") == len(whole) - 2
    assert not _DIRECTIVE.search(whole)


@given(texts | st.just("\ud800"))
def test_a_string_is_one_literal(text: str) -> None:
    assert code_of(string(text)) == " "
    assert code_of(key(text)).strip() in ("", text)
    assert code_of(member("it", text)) in ("it[ ]", f"it.{text}")


@given(texts)
def test_a_name_is_an_identifier(text: str) -> None:
    assert is_identifier(pascal(text))
    assert is_identifier(camel(text))
    assert is_identifier(argument(text))


@pytest.mark.parametrize("word", ["delete", "class", "await", "arguments", "eval", "enum"])
def test_no_parameter_is_called_like_a_word_of_the_language(word: str) -> None:
    assert argument(word) == f"{word}_"
