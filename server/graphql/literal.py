"""Values that a document spells: one that does not fit its type is refused under the name of its argument and field."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLError, GraphQLInputType, ValueNode, ValuesOfCorrectTypeRule
from graphql.language import SKIP, ArgumentNode, VariableDefinitionNode, VisitorAction
from graphql.utilities import validate_input_literal


class LiteralsFit(ValuesOfCorrectTypeRule):
    """graphql-core's rule, whose messages say which value is meant, and nothing of the interpreter."""

    _of = ""
    """The argument, or the variable with its default, in which we are."""

    def enter_argument(self, node: ArgumentNode, *_args: Any) -> None:
        self._of = node.name.value

    def enter_variable_definition(self, node: VariableDefinitionNode, *_args: Any) -> None:
        self._of = f"${node.variable.name.value}"

    def is_valid_value_node(self, node: ValueNode, input_type: GraphQLInputType | None) -> VisitorAction:
        """Report what does not fit; what is inside of the value is looked at with it."""

        def on_error(error: GraphQLError, path: list[str | int]) -> None:
            named = ".".join(map(str, [self._of, *path]))
            cause = error.original_error
            said = "the value cannot be read" if cause and not isinstance(cause, GraphQLError) else error.message
            self.report_error(GraphQLError(f"{named}: {said}", error.nodes or node))

        if input_type:
            validate_input_literal(node, input_type, on_error, None, None, self.context.hide_suggestions)
        return SKIP
