"""Validation of literal values in documents. An invalid value is reported with the name of its argument and field."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLError, GraphQLInputType, ValueNode, ValuesOfCorrectTypeRule
from graphql.language import SKIP, ArgumentNode, VariableDefinitionNode, VisitorAction
from graphql.utilities import validate_input_literal


class LiteralsFit(ValuesOfCorrectTypeRule):
    """graphql-core's rule with messages that name the value and hide exceptions of Python."""

    _owner = ""
    """The name of the argument, or of the variable with a default, that is being visited."""

    def enter_argument(self, node: ArgumentNode, *_args: Any) -> None:
        self._owner = node.name.value

    def enter_variable_definition(self, node: VariableDefinitionNode, *_args: Any) -> None:
        self._owner = f"${node.variable.name.value}"

    def is_valid_value_node(self, node: ValueNode, input_type: GraphQLInputType | None) -> VisitorAction:
        """Report every invalid part of the value. Its children are not visited again."""

        def on_error(error: GraphQLError, path: list[str | int]) -> None:
            name = ".".join(map(str, [self._owner, *path]))
            cause = error.original_error
            reason = "the value cannot be read" if cause and not isinstance(cause, GraphQLError) else error.message
            self.report_error(GraphQLError(f"{name}: {reason}", error.nodes or node))

        if input_type:
            validate_input_literal(node, input_type, on_error, None, None, self.context.hide_suggestions)
        return SKIP
