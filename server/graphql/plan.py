"""Plans of operations: what is worked out once, and used each time an operation is executed."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from graphql import (
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    default_field_resolver,
    default_type_resolver,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values
from graphql.pyutils import AwaitableOrValue

from server.graphql.coercion import Coerce, Coercion
from server.graphql.executor import PlanExecutor, SelectionCache, plain_fields
from server.graphql.stock import execute_with_graphql_core

_MAX_ERRORS: Final = 50
"""In variables: further ones are not reported."""


class Planner:
    """Makes plans for operations of one schema."""

    def __init__(self, schema: GraphQLSchema, *, hide_names: bool = False, stock_executor: bool = False) -> None:
        """Errors suggest names, unless they are hidden. The stock executor is graphql-core's own, which needs no plan."""
        self.schema = schema
        self.hide_names = hide_names
        self.stock_executor = stock_executor
        self.plain = plain_fields(schema)
        self._coercion = Coercion()

    def variables(self, definition: OperationDefinitionNode) -> list[Variable]:
        """Those that the operation declares."""
        signatures = [get_variable_signature(self.schema, each) for each in definition.variable_definitions or ()]
        return [
            Variable(
                signature,
                self._coercion.of(signature.type),
                signature.default is None and not isinstance(signature.type, GraphQLNonNull),
            )
            for signature in signatures
            if not isinstance(signature, GraphQLError)  # which validation would have found
        ]


class Variable(NamedTuple):
    signature: GraphQLVariableSignature
    coerce: Coerce
    may_be_left_out: bool


class Plan:
    """An operation of a document that is valid for the schema."""

    def __init__(
        self, planner: Planner, document: DocumentNode, definition: OperationDefinitionNode, *, has_directives: bool
    ) -> None:
        """An operation with directives may ask for other fields each time."""
        self.document = document
        self.definition = definition
        self._planner = planner
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self._fragment_details = {name: FragmentDetails(each) for name, each in self._fragments.items()}
        self._variables = planner.variables(definition)
        self._selections = None if has_directives else SelectionCache()

    def execute(self, variables: dict[str, Any] | None, context: Any) -> AwaitableOrValue[ExecutionResult]:
        """The result of a query or a mutation, or an awaitable of it."""
        planner = self._planner
        if planner.stock_executor:
            return execute_with_graphql_core(
                planner.schema, self.document, self.definition, variables, context, hide_names=planner.hide_names
            )
        values = self._values(variables or {})
        if isinstance(values, list):
            return ExecutionResult(None, values)
        executor = PlanExecutor(
            planner.schema,
            self._fragments,
            self._fragment_details,
            None,
            context,
            self.definition,
            values,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            hide_suggestions=planner.hide_names,
            plain=planner.plain,
            selections=self._selections,
        )
        # Results that come in parts are for executors of another kind.
        result: AwaitableOrValue[Any] = executor.execute_operation()
        return executor.counter.checked(result)

    def _values(self, given: dict[str, Any]) -> VariableValues | list[GraphQLError]:
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for signature, coerce, may_be_left_out in self._variables:
            name = signature.name
            if name in given:
                sources[name] = VariableValueSource(signature, given[name])
                value = coerce(given[name])
                if value is Undefined:
                    break
                coerced[name] = value
            elif may_be_left_out:
                sources[name] = VariableValueSource(signature)
            else:
                break
        else:
            return VariableValues(sources, coerced)
        # It has a default, or does not fit: then graphql-core says why.
        return get_variable_values(
            self._planner.schema,
            self.definition.variable_definitions or (),
            given,
            max_errors=_MAX_ERRORS,
            hide_suggestions=self._planner.hide_names,
        )
