"""From JSON Schema to types, whoever wrote the schema."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jararaca.typescript.model import Reference
from jararaca.typescript.shapes import FormShapes, Shapes
from jararaca.typescript.spelling import spelled

DEFINITIONS: dict[str, Any] = {
    "Item": {"type": "object", "properties": {"kind": {"const": "item"}, "raw": {"type": "string"}}},
    "Color": {"type": "string", "enum": ["red", "green"]},
    "Loop": {"$ref": "#/components/schemas/Loop"},
    "Upload": {
        "type": "object",
        "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
        "required": ["file"],
    },
}
SHAPES = Shapes(DEFINITIONS, {name: Reference(name) for name in DEFINITIONS})
REF = "#/components/schemas/"


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({}, "unknown"),
        (True, "unknown"),
        (False, "never"),
        ("nonsense", "unknown"),
        ({"title": "It"}, "unknown"),
        ({"type": "integer"}, "number"),
        ({"type": ["string", "null"]}, "string | null"),
        ({"type": "file"}, "unknown"),
        ({"const": None}, "null"),
        ({"const": True}, "true"),
        ({"enum": [True, 1, 1.0]}, "true | 1 | 1.0"),
        ({"enum": [1, 2**53]}, "1 | number"),
        ({"enum": []}, "never"),
        ({"const": float("inf")}, "number"),
        ({"const": {"a": [1, "b"]}}, '{ a: [1, "b"] }'),
        ({"type": "array"}, "unknown[]"),
        ({"items": {"type": "string"}}, "string[]"),
        ({"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}}, "(string | null)[]"),
        ({"type": "array", "maxItems": 0}, "[]"),
        ({"type": "array", "prefixItems": [{"type": "string"}], "items": False}, "[string?]"),
        ({"type": "array", "prefixItems": [{"type": "string"}], "minItems": 1, "maxItems": 1}, "[string]"),
        (
            {"type": "array", "prefixItems": [{"type": "string"}], "minItems": 1, "items": {"type": "integer"}},
            "[string, ...number[]]",
        ),
        ({"type": "object"}, "{ [key: string]: unknown }"),
        ({"type": "object", "additionalProperties": False}, "{}"),
        ({"type": "object", "properties": {}}, "{}"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "{ [key: string]: number }"),
        ({"type": "object", "patternProperties": {"^a": {"type": "integer"}}}, "{ [key: string]: number }"),
        (
            {"type": "object", "propertyNames": {"$ref": f"{REF}Color"}, "additionalProperties": {"type": "integer"}},
            "{ [key in Color]?: number }",
        ),
        (
            {"type": "object", "propertyNames": {"const": "a"}, "additionalProperties": {"type": "integer"}},
            '{ [key in "a"]?: number }',
        ),
        (
            {"type": "object", "propertyNames": {"enum": [True]}, "additionalProperties": {"type": "integer"}},
            "{ [key: string]: number }",
        ),
        (
            {"properties": {"a-b": {"type": "string"}}, "required": ["a-b"], "additionalProperties": True},
            '{ "a-b": string; [key: string]: unknown }',
        ),
        ({"$ref": f"{REF}Item"}, "Item"),
        ({"$ref": f"{REF}Item", "description": "Beside it."}, "Item"),
        ({"$ref": f"{REF}Gone"}, "unknown"),
        ({"$ref": "elsewhere.json"}, "unknown"),
        ({"allOf": [{"$ref": f"{REF}Item"}, {"properties": {"more": {"type": "string"}}}]}, "Item & { more?: string }"),
        ({"allOf": [{"$ref": f"{REF}Item"}, {"not": {"required": ["raw"]}}]}, "Item"),
        ({"allOf": [{"$ref": f"{REF}Item"}, {"anyOf": [{"required": ["raw"]}, {"required": ["kind"]}]}]}, "Item"),
        ({"allOf": ["nonsense"]}, "unknown"),
        ({"anyOf": [{"type": "string"}, {}]}, "unknown"),
        ({"anyOf": [{"type": "string"}, {"type": "string"}]}, "string"),
        ({"anyOf": [{"type": "string"}, {"anyOf": [{"type": "null"}]}]}, "string | null"),
        ({"anyOf": [{"maxProperties": 0}, {"$ref": f"{REF}Item"}]}, "{ kind?: undefined; raw?: undefined } | Item"),
        (
            {"oneOf": [{"$ref": f"{REF}Item"}], "discriminator": {"propertyName": "kind"}},
            'Item & { kind: "item" }',
        ),
        ({"oneOf": [{"$ref": f"{REF}Item"}], "discriminator": {"propertyName": "other"}}, "Item"),
        ({"oneOf": [{"$ref": f"{REF}Item"}], "discriminator": "nonsense"}, "Item"),
        (
            {
                "oneOf": [{"oneOf": [{"$ref": f"{REF}Item"}], "discriminator": {"propertyName": "kind"}}],
                "discriminator": {"propertyName": "kind"},
            },
            'Item & { kind: "item" }',
        ),
    ],
    ids=str,
)
def test_what_a_schema_says(schema: Any, expected: str) -> None:
    assert spelled(SHAPES.of(schema)) == expected


def test_a_reference_to_itself_ends() -> None:
    assert SHAPES.resolved({"$ref": f"{REF}Loop"}) == {"$ref": f"{REF}Loop"}


@pytest.mark.parametrize(("texts", "expected"), [((), "{ file: Blob }"), (("file",), "{ file: string }")])
def test_bytes_of_a_multipart_form_are_files_unless_they_are_said_to_be_text(
    texts: tuple[str, ...], expected: str
) -> None:
    forms = FormShapes(DEFINITIONS, {name: Reference(name) for name in DEFINITIONS}, texts)

    assert spelled(forms.of({"$ref": f"{REF}Upload"})) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
words = st.sampled_from(
    [
        *("type", "properties", "items", "prefixItems", "anyOf", "oneOf", "allOf", "enum", "const", "$ref", "required"),
        *("discriminator", "additionalProperties", "propertyNames", "patternProperties", "maxItems", "minItems", "not"),
    ]
)


@given(st.dictionaries(words, json_values, max_size=5))
def test_no_schema_raises(schema: dict[str, Any]) -> None:
    assert spelled(SHAPES.of(schema))
