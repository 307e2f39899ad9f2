"""What a document may ask for at most: checked before it is validated, in time that is linear in its length.

A few hundred bytes can ask for more than any server has: fragments that spread each other double with each level, and lists
of lists multiply. Each fragment is measured once, whoever spreads it, and what it is measured at is added wherever it
is spread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from domain.bounds import MAX_PAGE

MAX_TOKENS: Final = 10_000
MAX_DEFINITIONS: Final = 50
"""Operations and fragments."""
MAX_ROOT_FIELDS: Final = 20
"""Of an operation: each is a transaction of its own."""
MAX_DEPTH: Final = 20
MAX_ALIASES: Final = 200
MAX_DIRECTIVES: Final = 100
MAX_VARIABLES: Final = 100
MAX_VALUES: Final = 200_000
"""That an operation asks for, where every list is as long as it may be."""


_DIGITS: Final = 10
"""From here on a number is longer than that of any page."""


class TooMuch(Exception):
    """A document asks for more than it may: what of, and how much it may be."""


class _Measure(NamedTuple):
    """What a selection comes to, with all that it spreads."""

    depth: int = 0
    aliases: int = 0
    directives: int = 0
    values: int = 0

    def beside(self, other: _Measure) -> _Measure:
        return _Measure(
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.directives + other.directives,
            self.values + other.values,
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """Checks documents against one schema."""

    page_sizes: Mapping[str, int]
    """Fields that return pages, by name, and how long a page is where `first` is left out."""

    @classmethod
    def of(cls, schema: GraphQLSchema) -> Limits:
        """The limits of this schema."""
        return cls(
            {
                name: field.args["first"].default_value
                for type_ in schema.type_map.values()
                if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
                for name, field in type_.fields.items()
                if "first" in field.args
            }
        )

    def check(self, document: DocumentNode) -> None:
        """Raises TooMuch."""
        definitions = document.definitions
        if len(definitions) > MAX_DEFINITIONS:
            raise TooMuch(f"A document holds at most {MAX_DEFINITIONS} operations and fragments.")
        fragments = {each.name.value: each for each in definitions if isinstance(each, FragmentDefinitionNode)}
        for operation in definitions:
            if isinstance(operation, OperationDefinitionNode):
                self._check(operation, fragments)

    def _check(self, operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        if len(operation.variable_definitions or ()) > MAX_VARIABLES:
            raise TooMuch(f"An operation has at most {MAX_VARIABLES} variables.")
        reading = _Reading(self.page_sizes, fragments)
        if reading.fields(operation.selection_set, set()) > MAX_ROOT_FIELDS:
            raise TooMuch(f"An operation has at most {MAX_ROOT_FIELDS} root fields.")
        measure = reading.selection(operation.selection_set)
        for found, most, what in (
            (measure.depth, MAX_DEPTH, "is at most {} fields deep"),
            (measure.aliases, MAX_ALIASES, "has at most {} aliases, fragments counted wherever they are spread"),
            (measure.directives + len(operation.directives or ()), MAX_DIRECTIVES, "has at most {} directives"),
            (
                measure.values,
                MAX_VALUES,
                "asks for at most {} values, lists as long as they may be; ask for shorter pages",
            ),
        ):
            if found > most:
                raise TooMuch(f"An operation {what.format(most)}.")


class _Reading:
    """Measures one operation. A fragment that spreads itself, which validation refuses, counts for nothing there."""

    def __init__(self, page_sizes: Mapping[str, int], fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._page_sizes = page_sizes
        self._fragments = fragments
        self._measured: dict[str, _Measure] = {}

    def fields(self, selected: SelectionSetNode, seen: set[str]) -> int:
        """How many fields it selects itself, with those of fragments, each spread once."""
        count = 0
        for node in selected.selections:
            if isinstance(node, FieldNode):
                count += 1
            elif isinstance(node, InlineFragmentNode):
                count += self.fields(node.selection_set, seen)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                if (fragment := self._fragments.get(node.name.value)) is not None:
                    count += self.fields(fragment.selection_set, seen)
        return count

    def selection(self, selected: SelectionSetNode) -> _Measure:
        measure = _Measure()
        for each in self._measures(selected):
            measure = measure.beside(each)
        return measure

    def _measures(self, selected: SelectionSetNode) -> Iterator[_Measure]:
        for node in selected.selections:
            directives = len(node.directives or ())
            if directives:
                yield _Measure(directives=directives)
            if isinstance(node, FieldNode):
                yield self._field(node)
            elif isinstance(node, InlineFragmentNode):
                yield self.selection(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                yield self._fragment(node.name.value)

    def _field(self, node: FieldNode) -> _Measure:
        below = self.selection(node.selection_set) if node.selection_set else _Measure()
        return _Measure(
            below.depth + 1,
            below.aliases + (node.alias is not None),
            below.directives,
            1 + below.values * self._page_size(node),
        )

    def _fragment(self, name: str) -> _Measure:
        if name not in self._measured:
            self._measured[name] = _Measure()
            fragment = self._fragments.get(name)
            if fragment is not None:
                self._measured[name] = self.selection(fragment.selection_set)
        return self._measured[name]

    def _page_size(self, node: FieldNode) -> int:
        usual = self._page_sizes.get(node.name.value)
        if usual is None:
            return 1
        for argument in node.arguments or ():
            if argument.name.value == "first":
                return _length(argument.value)
        return usual


def _length(value: Any) -> int:
    """How long a page may be: as long as any for a variable, since documents are checked once, whatever they are sent with."""
    digits = value.value if isinstance(value, IntValueNode) else ""
    return min(max(int(digits), 1), MAX_PAGE) if 0 < len(digits) < _DIGITS else MAX_PAGE
