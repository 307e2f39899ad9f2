"""Plans of operations: what is computed once and used in each execution of an operation."""

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
"""The most errors in variables that are reported."""


class Planner:
    """What the plans of one schema share."""

    def __init__(self, schema: GraphQLSchema, *, hide_names: bool = False, stock_executor: bool = False) -> None:
        """With `hide_names`, errors suggest no names of the schema. The stock executor is graphql-core's, without plans."""
        self.schema = schema
        self.hide_names = hide_names
        self.stock_executor = stock_executor
        self.plain = plain_fields(schema)
        self._coercion = Coercion()

    def variables(self, definition: OperationDefinitionNode) -> list[Variable]:
        """The variables that the operation declares."""
        signatures = [get_variable_signature(self.schema, each) for each in definition.variable_definitions or ()]
        return [
            Variable(
                signature,
                self._coercion.of(signature.type),
                signature.default is None and not isinstance(signature.type, GraphQLNonNull),
            )
            for signature in signatures
            if not isinstance(signature, GraphQLError)  # the document is valid: there is none
        ]


class Variable(NamedTuple):
    """A declared variable and the function that coerces its values."""

    signature: GraphQLVariableSignature
    coerce: Coerce
    may_be_left_out: bool


class Plan:
    """The plan of one operation of a valid document."""

    def __init__(
        self, planner: Planner, document: DocumentNode, definition: OperationDefinitionNode, *, has_directives: bool
    ) -> None:
        """An operation with directives may select other fields each time: its selections are not cached."""
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
        """Execute a query or a mutation. Returns its result, or an awaitable of it."""
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
        # Typed as Any: only an executor with incremental delivery returns other results.
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
        # A variable has a default or an invalid value: graphql-core coerces all and reports the errors.
        return get_variable_values(
            self._planner.schema,
            self.definition.variable_definitions or (),
            given,
            max_errors=_MAX_ERRORS,
            hide_suggestions=self._planner.hide_names,
        )
