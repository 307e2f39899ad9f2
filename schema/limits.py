"""What a document may ask for at most: checked before it is validated, with an end to the checking itself.

A few hundred bytes can ask for more than any server has: fragments that spread each other double with each level, lists of
lists multiply, and fields of one name are compared each with each when it is validated. So an operation is walked as it
would be executed, fields of the same name together, and the walk ends where it comes to too much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

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

from domain.amendment import MAX_AMENDMENTS
from domain.bounds import MAX_PAGE
from domain.opportunity import MAX_OPPORTUNITIES
from domain.provider import MAX_ALIASES as MAX_ALIASES_OF_A_USER
from models.ab_look import LOOKS

MAX_TOKENS: Final = 10_000
MAX_DEFINITIONS: Final = 50
"""Operations and fragments."""
MAX_SELECTIONS: Final = 5_000
"""Fields and fragments, counted wherever they are spread: what bounds the walk."""
MAX_PAIRS: Final = 10_000
"""Of fields with one name in one place, which validation compares each with each."""
MAX_ROOT_FIELDS: Final = 20
"""Of an operation: each is a transaction of its own."""
MAX_DEPTH: Final = 20
MAX_ALIASES: Final = 200
MAX_DIRECTIVES: Final = 100
MAX_VARIABLES: Final = 100
MAX_VALUES: Final = 200_000
"""That an operation asks for, where every list is as long as it may be."""
_LIST_SIZES: Final = {
    # As long as charts are: the longest of all (`domain.summary.MAX_BUCKETS`) would leave no room for a second one.
    "amendments": MAX_AMENDMENTS,
    "analyticsSummary": 1_000,
    "costTrend": 1_000,
    "abTestLooks": LOOKS,
    "heatMap": 7 * 24,
    "opportunities": MAX_OPPORTUNITIES,
    "providerAliases": MAX_ALIASES_OF_A_USER,
}
"""Of fields whose lists are no pages."""


_DIGITS: Final = 10
"""From here on a number is longer than that of any page."""


class TooMuch(Exception):
    """A document asks for more than it may: what of, and how much it may be."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Checks documents against one schema."""

    list_sizes: Mapping[str, int]
    """Fields that return long lists, by name, and how long one is, where `first` is left out or there is none."""

    @classmethod
    def of(cls, schema: GraphQLSchema) -> Limits:
        """The limits of this schema."""
        return cls(
            _LIST_SIZES
            | {
                name: field.args["first"].default_value
                for type_ in schema.type_map.values()
                if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
                for name, field in type_.fields.items()
                if "first" in field.args
            }
        )

    def check(self, document: DocumentNode) -> int:
        """How many selections it comes to, fragments counted wherever they are spread. Raises TooMuch."""
        if len(document.definitions) > MAX_DEFINITIONS:
            raise TooMuch(f"A document holds at most {MAX_DEFINITIONS} operations and fragments.")
        fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
        walk = _Walk(self.list_sizes, fragments)
        for definition in document.definitions:
            if isinstance(definition, OperationDefinitionNode):
                walk.operation(definition)
        for name, fragment in fragments.items():
            if name not in walk.spread:  # validation looks at it before it finds that nobody does
                walk.selected([fragment.selection_set], 2)
        return walk.selections


class _Walk:
    """Goes through the selections of one document, in the order of execution, and counts."""

    def __init__(self, list_sizes: Mapping[str, int], fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._list_sizes = list_sizes
        self._fragments = fragments
        self.selections = self._pairs = self._aliases = self._directives = 0
        self.spread: set[str] = set()
        """The fragments that were met."""

    def operation(self, operation: OperationDefinitionNode) -> None:
        """Raises TooMuch."""
        if len(operation.variable_definitions or ()) > MAX_VARIABLES:
            raise TooMuch(f"An operation has at most {MAX_VARIABLES} variables.")
        self._aliases, self._directives = 0, len(operation.directives or ())
        values = self.selected([operation.selection_set], 1)
        if values > MAX_VALUES:
            raise TooMuch(
                f"An operation asks for at most {MAX_VALUES} values, lists as long as they may be; ask for shorter pages."
            )

    def selected(self, sets: Sequence[SelectionSetNode], depth: int) -> int:
        """How many values these selections of one place come to. Raises TooMuch."""
        if depth > MAX_DEPTH:
            raise TooMuch(f"An operation is at most {MAX_DEPTH} fields deep.")
        fields: dict[str, list[FieldNode]] = {}
        spread: set[str] = set()
        for each in sets:
            self._collect(each, fields, spread)
        if depth == 1 and sum(map(len, fields.values())) > MAX_ROOT_FIELDS:
            raise TooMuch(f"An operation has at most {MAX_ROOT_FIELDS} root fields.")
        values = 0
        for nodes in fields.values():
            self._pairs += len(nodes) * (len(nodes) - 1) // 2
            if self._pairs > MAX_PAIRS:
                raise TooMuch("A document repeats fields too often: ask for each field of an object once.")
            below = [node.selection_set for node in nodes if node.selection_set is not None]
            size = max(map(self._list_size, nodes)) if below else 0
            values += 1 + size * (self.selected(below, depth + 1) if below else 0)
        return values

    def _collect(self, selected: SelectionSetNode, fields: dict[str, list[FieldNode]], spread: set[str]) -> None:
        for node in selected.selections:
            self._count(node)
            if isinstance(node, FieldNode):
                fields.setdefault((node.alias or node.name).value, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                self._collect(node.selection_set, fields, spread)
            elif isinstance(node, FragmentSpreadNode) and (name := node.name.value) not in spread:
                spread.add(name)
                self.spread.add(name)
                if (fragment := self._fragments.get(name)) is not None:
                    self._collect(fragment.selection_set, fields, spread)

    def _count(self, node: Any) -> None:
        self.selections += 1
        self._directives += len(node.directives or ())
        self._aliases += isinstance(node, FieldNode) and node.alias is not None
        for found, most, what in (
            (self.selections, MAX_SELECTIONS, "A document selects at most {} fields"),
            (self._directives, MAX_DIRECTIVES, "An operation has at most {} directives"),
            (self._aliases, MAX_ALIASES, "An operation has at most {} aliases"),
        ):
            if found > most:
                raise TooMuch(f"{what.format(most)}, fragments counted wherever they are spread.")

    def _list_size(self, node: FieldNode) -> int:
        usual = self._list_sizes.get(node.name.value)
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
