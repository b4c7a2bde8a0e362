"""Types of declared values: the annotations of the dataclasses of a declaration, compared with what was given."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin

SCALARS = (str, bytes, int, float, complex, type(None))
NAMES = {
    str: ("a text", "texts"),
    bool: ("True or False", "truth values"),
    int: ("an integer", "integers"),
    float: ("a number", "numbers"),
    type(None): ("None", "None"),
}
"""Type to its name in messages, for one and for several values."""


def types_of(declared: type) -> dict[str, Any]:
    """The annotated type of each attribute of a class; attributes whose annotation cannot be evaluated are left out."""
    found: dict[str, Any] = {}
    for each in reversed(declared.__mro__):  # a class of others may have an annotation that only type checkers know
        with suppress(Exception):
            found |= typing.get_type_hints(each)
    return found


def wrong_types(value: Any, annotation: Any, place: str, *, required: bool = True) -> Iterator[str]:
    """A clause for each value of another type than its annotation says, in nested dataclasses and containers too.

    True and False are no integers, an integer is a number, and a literal stands for all values of its type.

    Args:
        value: the value.
        annotation: its type.
        place: the name of the value: ``criteria[0].target``.
        required: whether the value cannot be left out.

    Example:
        >>> from sciml_datasets.declared_types import wrong_types
        >>> list(wrong_types("beach", tuple[str, ...], "each"))
        ["each is 'beach', expected a tuple of texts: write ('beach',)"]
    """
    fitting = next((one for one in _alternatives(annotation) if _fits(value, one)), None)
    if fitting is None:
        yield f"{place} is {shown(value)}, expected {_expected(annotation)}: {_remedy(value, annotation, required)}"
        return
    inner = get_args(fitting)
    if isinstance(value, tuple) and inner:
        items = inner[:1] * len(value) if _is_of_any_length(fitting) else inner
        for number, (item, of_item) in enumerate(zip(value, items, strict=True)):
            yield from wrong_types(item, of_item, f"{place}[{number}]")
    elif isinstance(value, Mapping) and len(inner) == 2:
        for key, item in value.items():
            yield from wrong_types(key, inner[0], f"a key of {place}")
            yield from wrong_types(item, inner[1], f"{place}[{shown(key)}]")
    elif is_dataclass(value) and not isinstance(value, type):
        declared = types_of(type(value))
        for field in fields(value):
            annotation = declared.get(field.name, Any)
            inside = f"{place}.{field.name}"
            yield from wrong_types(getattr(value, field.name), annotation, inside, required=is_required(field))


def is_required(field: Field[Any]) -> bool:
    """Whether an attribute of a dataclass has no default."""
    return field.default is MISSING and field.default_factory is MISSING


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _is_of_any_length(annotation: Any) -> bool:
    return get_origin(annotation) is tuple and get_args(annotation)[1:] == (...,)


def _fits(value: Any, annotation: Any) -> bool:
    """Whether the value itself is of a type; what it contains may differ. Annotations of other forms fit all values."""
    origin = get_origin(annotation)
    if origin is Literal:
        return type(value) in {type(one) for one in get_args(annotation)}
    if origin is tuple and isinstance(value, tuple):
        return _is_of_any_length(annotation) or len(value) == len(get_args(annotation))
    expected = annotation if origin is None else origin
    if expected is None:
        return value is None
    if not isinstance(expected, type) or expected is Any:  # Any is a class in some versions of Python
        return True
    if expected in (int, float):
        return isinstance(value, (int, expected)) and not isinstance(value, bool)
    return isinstance(value, expected)


def shown(value: Any) -> str:
    """A value in a message: a short one as it is written in Python, another one by its type."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, SCALARS) or (type(value) in (tuple, list, dict) and len(repr(value)) <= 40):
        return repr(value) if len(repr(value)) <= 60 else f"{repr(value)[:57]}..."
    return _with_article(type(value).__name__)


def _with_article(name: str) -> str:
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"


def _expected(annotation: Any, *, several: bool = False) -> str:
    """The name of a type in messages."""
    alternatives = _alternatives(annotation)
    if len(alternatives) > 1:
        return " or ".join(_expected(one, several=several) for one in alternatives)
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation in NAMES:
        return NAMES[annotation][several]
    if origin is Literal:
        return f"one of {', '.join(map(repr, inner))}"
    if _is_of_any_length(annotation):
        return f"{'tuples' if several else 'a tuple'} of {_expected(inner[0], several=True)}"
    if origin is tuple:
        return f"a tuple of {len(inner)} values, each {_expected(inner[0])}"
    if origin is not None and issubclass(origin, Mapping):
        content = "" if inner[1] is Any else f" from {_expected(inner[0], several=True)} to {_expected(inner[1])}"
        return f"a dictionary{content}"
    name = getattr(origin or annotation, "__name__", str(annotation))
    return name if several else _with_article(name)


def _remedy(value: Any, annotation: Any, required: bool) -> str:
    """What to write in place of a value."""
    if value is None:
        return "give one" if required else "leave it out, or give one"
    for one in _alternatives(annotation):
        if _is_of_any_length(one):
            if any(_fits(value, item) for item in _alternatives(get_args(one)[0])):
                return f"write ({_code(value)},)"
            if isinstance(value, list | set | frozenset):
                return "write it with round brackets, as (a, b)"
        if isinstance(value, str) and one in (int, float) and _is_number(value, one):
            return f"write {value}"
        if one is int and isinstance(value, float) and value.is_integer():
            return f"write {int(value)}"
        if one is str and type(value) in (int, float):
            return f"write {str(value)!r}"
        if is_dataclass(one):
            return f"write {getattr(one, '__name__', one)}(...)"
        if get_origin(one) is Mapping:
            return "write {key: value}"
    return "correct it"


def _code(value: Any) -> str:
    return f"{type(value).__name__}(...)" if is_dataclass(value) else repr(value)


def _is_number(text: str, kind: Any) -> bool:
    with suppress(ValueError):
        kind(text)
        return True
    return False
