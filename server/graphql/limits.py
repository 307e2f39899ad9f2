"""Limits on documents. They are checked before validation, and the check itself takes bounded time.

A document of a few hundred bytes can cost any amount of work: fragments that spread each other double the fields with each
level, nested lists multiply, and validation compares all fields with the same name pairwise. Each operation is therefore
walked in the order of execution, fields with the same name together, and the walk ends at the first limit.
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
"""The most operations and fragments of a document."""
MAX_SELECTIONS: Final = 5_000
"""The most fields and fragments, counted at every spread. This bounds the time of the walk."""
MAX_PAIRS: Final = 10_000
"""The most pairs of fields with the same name and parent, which validation compares pairwise."""
MAX_ROOT_FIELDS: Final = 20
"""The most root fields of an operation. Each one runs in a separate transaction."""
MAX_DEPTH: Final = 20
MAX_ALIASES: Final = 200
MAX_DIRECTIVES: Final = 100
MAX_VARIABLES: Final = 100
MAX_VALUES: Final = 200_000
"""The most values of a response, if every list has its greatest length."""
MAX_BYTES: Final = 64 * 1024 * 1024
"""The largest response, if every list and every value has its greatest length. The actual size is limited when the response
is encoded (`server.graphql.answer`).
"""
TOO_LARGE: Final = "RESPONSE_TOO_LARGE"


_PAGE_DIGITS: Final = 10
"""A page length with as many digits is above the limit of every page."""
_INTROSPECTION: Final = "__"
"""The prefix of the names of introspection types and fields."""
_PUNCTUATION: Final = len('"":,')
"""The bytes of punctuation that JSON adds to a name."""


class DocumentTooLarge(Exception):
    """A document exceeds a limit. The message names the limit."""


class ValueCounter:
    """Counts the values in the lists of one response during its execution."""

    def __init__(self) -> None:
        self._values = 0
        self._is_exceeded = False

    def has_room(self, values: int) -> bool:
        """Count the values of a list. If False is returned, the limit is exceeded and the list must be left out."""
        self._values += values
        self._is_exceeded = self._is_exceeded or self._values > MAX_VALUES
        return not self._is_exceeded

    def checked(self, result: AwaitableOrValue[ExecutionResult]) -> AwaitableOrValue[ExecutionResult]:
        """The result; an error instead if a list was left out."""
        if not isinstance(result, ExecutionResult):
            return self._awaited(result)
        return ExecutionResult(None, [too_large(f"{MAX_VALUES} values")]) if self._is_exceeded else result

    async def _awaited(self, result: Awaitable[ExecutionResult]) -> ExecutionResult:
        return cast("ExecutionResult", self.checked(await result))


def too_large(limit: str) -> GraphQLError:
    """The error of a response that exceeds the limit, such as `32 MiB`."""
    message = (
        f"The response has more than {limit}: query fewer rows (first, or a shorter time range), or omit long fields such as "
        "metadata."
    )
    return GraphQLError(message, extensions={"code": TOO_LARGE})


class Size(NamedTuple):
    """The size of a document."""

    selections: int
    """The number of fields and fragments, with fragments counted at every spread."""
    root_fields: int
    """The most root fields of an operation."""


class Limits:
    """Checks documents against one schema and the sizes of its fields."""

    def __init__(self, schema: GraphQLSchema, sizes: Sizes) -> None:
        self._schema = schema
        self._sizes = sizes

    def check(self, document: DocumentNode) -> Size:
        """Return the size of the document. Raises DocumentTooLarge."""
        if len(document.definitions) > MAX_DEFINITIONS:
            raise DocumentTooLarge(f"A document holds at most {MAX_DEFINITIONS} operations and fragments.")
        fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
        walk = _Walk(self._schema, self._sizes, fragments)
        for definition in document.definitions:
            if isinstance(definition, OperationDefinitionNode):
                walk.operation(definition)
        for name, fragment in fragments.items():
            if name not in walk.spread:  # validation walks a fragment before it reports that the fragment is unused
                walk.selected(
                    [(fragment.selection_set, walk.type_of(fragment))], 2, _Position(0, {}, self._sizes.longest_page)
                )
        return Size(walk.selections, walk.root_fields)


class _Position(NamedTuple):
    """The position of a selection set in the response."""

    times: int
    """The most objects at this position."""
    times_of: Mapping[str, int]
    """The most objects at the positions above, by type."""
    page: int
    """The length of the innermost page around this position."""


class _Walk:
    """Walks the selections of one document in the order of execution and counts them."""

    def __init__(self, schema: GraphQLSchema, sizes: Sizes, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._schema = schema
        self._sizes = sizes
        self._fragments = fragments
        self.root_fields = self.selections = self._pairs = self._aliases = self._directives = self._values = (
            self._bytes
        ) = 0
        self.spread: set[str] = set()
        """The names of the fragments that were spread."""

    def operation(self, operation: OperationDefinitionNode) -> None:
        """Walk an operation. Raises DocumentTooLarge."""
        if len(operation.variable_definitions or ()) > MAX_VARIABLES:
            raise DocumentTooLarge(f"An operation has at most {MAX_VARIABLES} variables.")
        self._aliases, self._directives = 0, len(operation.directives or ())
        self._values = self._bytes = 0
        root = self._schema.get_root_type(operation.operation)
        self.selected([(operation.selection_set, root)], 1, _Position(1, {}, self._sizes.longest_page))
        if self._values > MAX_VALUES:
            raise DocumentTooLarge(
                f"An operation selects at most {MAX_VALUES} values, if every list has its greatest length; query shorter pages."
            )
        if self._bytes > MAX_BYTES:
            raise DocumentTooLarge(
                f"An operation selects at most {MAX_BYTES >> 20} MiB, if every list and value has its greatest length; query "
                "shorter pages, or omit long fields such as metadata."
            )

    def type_of(self, node: FragmentDefinitionNode | InlineFragmentNode) -> GraphQLNamedType | None:
        """The type condition of a fragment. None for introspection, and for an unknown type, which validation reports."""
        name = node.type_condition.name.value if node.type_condition is not None else _INTROSPECTION
        return None if name.startswith(_INTROSPECTION) else self._schema.get_type(name)

    def selected(
        self, sets: Sequence[tuple[SelectionSetNode, GraphQLNamedType | None]], depth: int, position: _Position
    ) -> None:
        """Count the selections at one position. Raises DocumentTooLarge."""
        if depth > MAX_DEPTH:
            raise DocumentTooLarge(f"An operation is at most {MAX_DEPTH} fields deep.")
        fields: dict[str, list[_Selected]] = {}
        spread: set[str] = set()
        for each, type_ in sets:
            self._collect(each, type_, fields, spread)
        if depth == 1:
            root_fields = sum(map(len, fields.values()))
            if root_fields > MAX_ROOT_FIELDS:
                raise DocumentTooLarge(f"An operation has at most {MAX_ROOT_FIELDS} root fields.")
            self.root_fields = max(self.root_fields, root_fields)
        for name, nodes in fields.items():
            self._pairs += len(nodes) * (len(nodes) - 1) // 2
            if self._pairs > MAX_PAIRS:
                raise DocumentTooLarge("A document repeats fields too often: select each field of an object once.")
            self._field(name, nodes, depth, position)

    def _field(self, name: str, nodes: Sequence[_Selected], depth: int, position: _Position) -> None:
        # Several types may have a field of this name. It counts as the largest of them.
        known = {each.of.name: each for each in nodes if each.of is not None and each.type_ is not None}
        below = [
            (each.node.selection_set, None if each.type_ is None else get_named_type(each.type_))
            for each in nodes
            if each.node.selection_set is not None
        ]
        times, in_all = position.times, None
        for each in known.values():
            found, most_bytes = self._length(each, position)
            if found >= times:
                times, in_all = found, most_bytes
        pages = [page for each in nodes if (page := self._page(each)) is not None]
        self._values += position.times
        self._bytes += position.times * (len(name) + _PUNCTUATION)
        if below:
            above = {each.of.name: position.times for each in known.values() if each.of is not None}
            self._bytes += times * _PUNCTUATION
            self.selected(
                below, depth + 1, _Position(times, {**position.times_of, **above}, max(pages, default=position.page))
            )
            return
        if times > position.times:
            self._values += times
        size = max(map(self._size, known.values()), default=0)
        self._bytes += min(times * size, in_all) if in_all is not None else times * size

    def _length(self, selected: _Selected, position: _Position) -> tuple[int, int | None]:
        """The most values of this field at this position, and their most bytes; None where the schema does not limit them."""
        if selected.of is None or selected.type_ is None or not _is_list(selected.type_):
            return position.times, None
        items = self._sizes.lists.get(f"{selected.of.name}.{selected.node.name.value}", PAGE)
        if not isinstance(items, Items):
            return position.times * position.page, None
        times = position.times * items.each
        if items.in_all is None:
            # Some lists without pages have an argument that limits their length.
            page = self._page(selected)
            return position.times * min(page or items.each, items.each), None
        owners = position.times if selected.of.name == items.of else position.times_of.get(items.of, 1)
        most_bytes = None if items.bytes_in_all is None else owners * items.bytes_in_all
        return min(times, owners * items.in_all), most_bytes

    def _page(self, selected: _Selected) -> int | None:
        """The length of the page that the field returns; None when it returns no page."""
        if selected.field is None or "first" not in selected.field.args:
            return None
        for argument in selected.node.arguments or ():
            if argument.name.value == "first":
                return self._page_length(argument.value)
        default: int = selected.field.args["first"].default_value
        return default

    def _page_length(self, value: Any) -> int:
        """The length in a `first` argument. A variable counts as the longest page: documents are checked without variables."""
        longest = self._sizes.longest_page
        digits = value.value if isinstance(value, IntValueNode) else ""
        return min(max(int(digits), 1), longest) if 0 < len(digits) < _PAGE_DIGITS else longest

    def _size(self, selected: _Selected) -> int:
        """The most bytes of one value of the field. A test finds fields without a declared size."""
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
            # The lists of introspection are counted during execution, because their lengths have no limit here.
            return _Selected(node, None, None, None)
        field = type_.fields.get(name) if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType) else None
        return _Selected(node, type_, field, None if field is None else field.type)

    def _count(self, node: Any) -> None:
        self.selections += 1
        self._directives += len(node.directives or ())
        self._aliases += isinstance(node, FieldNode) and node.alias is not None
        for found, limit, what in (
            (self.selections, MAX_SELECTIONS, "A document selects at most {} fields"),
            (self._directives, MAX_DIRECTIVES, "An operation has at most {} directives"),
            (self._aliases, MAX_ALIASES, "An operation has at most {} aliases"),
        ):
            if found > limit:
                raise DocumentTooLarge(f"{what.format(limit)}, with fragments counted at every spread.")


class _Selected(NamedTuple):
    """A selected field with its parent type, definition and type. They are None when unknown, which validation reports."""

    node: FieldNode
    of: GraphQLNamedType | None
    field: GraphQLField | None
    type_: GraphQLOutputType | None


def _is_list(type_: GraphQLOutputType) -> bool:
    return isinstance(get_nullable_type(type_), GraphQLList)
