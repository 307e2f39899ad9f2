"""What a document may ask for at most: checked before it is validated, with an end to the checking itself.

A few hundred bytes can ask for more than any server has: fragments that spread each other double with each level, lists of
lists multiply, and fields of one name are compared each with each when it is validated. So an operation is walked as it
would be executed, fields of the same name together, and the walk ends where it comes to too much.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    get_nullable_type,
)
from graphql.pyutils import AwaitableOrValue

from schema.size import PAGE, Items, Sizes

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
MAX_BYTES: Final = 64 * 1024 * 1024
"""That an operation asks for, where every list and every value is as long as it may be. What an answer really comes to is
bounded once more when it is written (`server.graphql.answer`)."""
TOO_LARGE: Final = "RESPONSE_TOO_LARGE"


_DIGITS: Final = 10
"""From here on a number is longer than that of any page."""
_INTROSPECTION: Final = "__"
"""What names of its types and fields begin with."""
_PUNCTUATION: Final = len('"":,')
"""Around a name."""


class DocumentTooLarge(Exception):
    """A document asks for more than it may: what of, and how much it may be."""


class ValueCounter:
    """Counts values in the lists of one answer as it is made."""

    def __init__(self) -> None:
        self._values = 0
        self._too_much = False

    def has_room(self, values: int) -> bool:
        """Count so many more values of a list. The list is left out if they are too many."""
        self._values += values
        self._too_much = self._too_much or self._values > MAX_VALUES
        return not self._too_much

    def checked(self, result: AwaitableOrValue[ExecutionResult]) -> AwaitableOrValue[ExecutionResult]:
        """The result, or an error where a list was left out."""
        if not isinstance(result, ExecutionResult):
            return self._awaited(result)
        return ExecutionResult(None, [too_large(f"{MAX_VALUES} values")]) if self._too_much else result

    async def _awaited(self, result: Awaitable[ExecutionResult]) -> ExecutionResult:
        return cast("ExecutionResult", self.checked(await result))


def too_large(most: str) -> GraphQLError:
    """The error of an answer that would be larger than that."""
    message = (
        f"The answer has more than {most}: ask for fewer rows (first, or a shorter range), or leave out long fields such as "
        "metadata."
    )
    return GraphQLError(message, extensions={"code": TOO_LARGE})


class Limits:
    """Checks documents against one schema and the sizes of its fields."""

    def __init__(self, schema: GraphQLSchema, sizes: Sizes) -> None:
        self._schema = schema
        self._sizes = sizes

    def check(self, document: DocumentNode) -> int:
        """How many selections it comes to, fragments counted wherever they are spread. Raises DocumentTooLarge."""
        if len(document.definitions) > MAX_DEFINITIONS:
            raise DocumentTooLarge(f"A document holds at most {MAX_DEFINITIONS} operations and fragments.")
        fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
        walk = _Walk(self._schema, self._sizes, fragments)
        for definition in document.definitions:
            if isinstance(definition, OperationDefinitionNode):
                walk.operation(definition)
        for name, fragment in fragments.items():
            if name not in walk.spread:  # validation looks at it before it finds that nobody does
                walk.selected(
                    [(fragment.selection_set, walk.type_of(fragment))], 2, _Position(0, {}, self._sizes.longest_page)
                )
        return walk.selections


class _Position(NamedTuple):
    """Where fields are selected."""

    times: int
    """How many objects there are at most."""
    times_of: Mapping[str, int]
    """How many there are above, by their type."""
    page: int
    """How long the page is that this is of."""


class _Walk:
    """Goes through the selections of one document, in the order of execution, and counts."""

    def __init__(self, schema: GraphQLSchema, sizes: Sizes, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._schema = schema
        self._sizes = sizes
        self._fragments = fragments
        self.selections = self._pairs = self._aliases = self._directives = self._values = self._bytes = 0
        self.spread: set[str] = set()
        """The fragments that were met."""

    def operation(self, operation: OperationDefinitionNode) -> None:
        """Raises DocumentTooLarge."""
        if len(operation.variable_definitions or ()) > MAX_VARIABLES:
            raise DocumentTooLarge(f"An operation has at most {MAX_VARIABLES} variables.")
        self._aliases, self._directives = 0, len(operation.directives or ())
        self._values = self._bytes = 0
        root = self._schema.get_root_type(operation.operation)
        self.selected([(operation.selection_set, root)], 1, _Position(1, {}, self._sizes.longest_page))
        if self._values > MAX_VALUES:
            raise DocumentTooLarge(
                f"An operation asks for at most {MAX_VALUES} values, lists as long as they may be; ask for shorter pages."
            )
        if self._bytes > MAX_BYTES:
            raise DocumentTooLarge(
                f"An operation asks for at most {MAX_BYTES >> 20} MiB, lists and values as long as they may be; ask for "
                "shorter pages, or leave out long fields such as metadata."
            )

    def type_of(self, node: FragmentDefinitionNode | InlineFragmentNode) -> GraphQLNamedType | None:
        """The type that the fragment is on; None where there is none of that name, as validation then says, or of introspection."""
        name = node.type_condition.name.value if node.type_condition is not None else _INTROSPECTION
        return None if name.startswith(_INTROSPECTION) else self._schema.get_type(name)

    def selected(
        self, sets: Sequence[tuple[SelectionSetNode, GraphQLNamedType | None]], depth: int, place: _Position
    ) -> None:
        """Count these selections of one place. Raises DocumentTooLarge."""
        if depth > MAX_DEPTH:
            raise DocumentTooLarge(f"An operation is at most {MAX_DEPTH} fields deep.")
        fields: dict[str, list[_Selected]] = {}
        spread: set[str] = set()
        for each, type_ in sets:
            self._collect(each, type_, fields, spread)
        if depth == 1 and sum(map(len, fields.values())) > MAX_ROOT_FIELDS:
            raise DocumentTooLarge(f"An operation has at most {MAX_ROOT_FIELDS} root fields.")
        for name, nodes in fields.items():
            self._pairs += len(nodes) * (len(nodes) - 1) // 2
            if self._pairs > MAX_PAIRS:
                raise DocumentTooLarge("A document repeats fields too often: ask for each field of an object once.")
            self._field(name, nodes, depth, place)

    def _field(self, name: str, nodes: Sequence[_Selected], depth: int, place: _Position) -> None:
        # Objects of different types may have the field, each another one: it counts as the largest of these.
        known = {each.of.name: each for each in nodes if each.of is not None and each.type_ is not None}
        below = [
            (each.node.selection_set, None if each.type_ is None else get_named_type(each.type_))
            for each in nodes
            if each.node.selection_set is not None
        ]
        times, in_all = place.times, None
        for each in known.values():
            found, most_bytes = self._length(each, place)
            if found >= times:
                times, in_all = found, most_bytes
        pages = [page for each in nodes if (page := self._page(each)) is not None]
        self._values += place.times
        self._bytes += place.times * (len(name) + _PUNCTUATION)
        if below:
            above = {each.of.name: place.times for each in known.values() if each.of is not None}
            self._bytes += times * _PUNCTUATION
            self.selected(
                below, depth + 1, _Position(times, {**place.times_of, **above}, max(pages, default=place.page))
            )
            return
        if times > place.times:
            self._values += times
        size = max(map(self._size, known.values()), default=0)
        self._bytes += min(times * size, in_all) if in_all is not None else times * size

    def _length(self, selected: _Selected, place: _Position) -> tuple[int, int | None]:
        """How many values there are at most in all such fields of this place; and how many bytes, where that is known."""
        if selected.of is None or selected.type_ is None or not _is_list(selected.type_):
            return place.times, None
        items = self._sizes.lists.get(f"{selected.of.name}.{selected.node.name.value}", PAGE)
        if not isinstance(items, Items):
            return place.times * place.page, None
        times = place.times * items.each
        if items.in_all is None:
            # Some lists that are no pages have an argument that says how long they may be.
            page = self._page(selected)
            return place.times * min(page or items.each, items.each), None
        owners = place.times if selected.of.name == items.of else place.times_of.get(items.of, 1)
        most_bytes = None if items.bytes_in_all is None else owners * items.bytes_in_all
        return min(times, owners * items.in_all), most_bytes

    def _page(self, selected: _Selected) -> int | None:
        """How long the page is that the field returns; None where it returns none."""
        if selected.field is None or "first" not in selected.field.args:
            return None
        for argument in selected.node.arguments or ():
            if argument.name.value == "first":
                return self._page_length(argument.value)
        default: int = selected.field.args["first"].default_value
        return default

    def _page_length(self, value: Any) -> int:
        """How long a page may be: as long as any for a variable, since documents are checked once, for all variables."""
        longest = self._sizes.longest_page
        digits = value.value if isinstance(value, IntValueNode) else ""
        return min(max(int(digits), 1), longest) if 0 < len(digits) < _DIGITS else longest

    def _size(self, selected: _Selected) -> int:
        """The most bytes of one of its values. Tests find a field that nothing is said of."""
        if selected.of is None or selected.type_ is None:
            return 0
        field = f"{selected.of.name}.{selected.node.name.value}"
        return self._sizes.bytes_of(field, get_named_type(selected.type_)) or self._sizes.longest_value

    def _collect(
        self,
        selected: SelectionSetNode,
        type_: GraphQLNamedType | None,
        fields: dict[str, list[_Selected]],
        spread: set[str],
    ) -> None:
        for node in selected.selections:
            self._count(node)
            if isinstance(node, FieldNode):
                fields.setdefault((node.alias or node.name).value, []).append(self._selected(node, type_))
            elif isinstance(node, InlineFragmentNode):
                self._collect(node.selection_set, self.type_of(node) or type_, fields, spread)
            elif isinstance(node, FragmentSpreadNode) and (name := node.name.value) not in spread:
                spread.add(name)
                self.spread.add(name)
                if (fragment := self._fragments.get(name)) is not None:
                    self._collect(fragment.selection_set, self.type_of(fragment) or type_, fields, spread)

    def _selected(self, node: FieldNode, type_: GraphQLNamedType | None) -> _Selected:
        name = node.name.value
        if name.startswith(_INTROSPECTION):
            # What tells of the schema itself is counted as it is executed: the sizes of these lists are no limits of ours.
            return _Selected(node, None, None, None)
        field = type_.fields.get(name) if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType) else None
        return _Selected(node, type_, field, None if field is None else field.type)

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
                raise DocumentTooLarge(f"{what.format(most)}, fragments counted wherever they are spread.")


class _Selected(NamedTuple):
    """A field that is selected, and what the schema says of it; None where it says nothing, as validation then tells."""

    node: FieldNode
    of: GraphQLNamedType | None
    field: GraphQLField | None
    type_: GraphQLOutputType | None


def _is_list(type_: GraphQLOutputType) -> bool:
    return isinstance(get_nullable_type(type_), GraphQLList)
