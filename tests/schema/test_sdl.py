"""Every part of the schema has a description."""

from __future__ import annotations

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    is_specified_scalar_type,
)

from schema import schema


def test_every_type_field_argument_input_and_enum_value_is_described() -> None:
    undescribed = []
    for name, type_ in schema._schema.type_map.items():
        if name.startswith("__") or is_specified_scalar_type(type_):
            continue
        if not type_.description:
            undescribed.append(name)
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in type_.fields.items():
                described = {f"{name}.{field_name}": field.description}
                described |= {f"{name}.{field_name}({arg}:)": each.description for arg, each in field.args.items()}
                undescribed += [position for position, description in described.items() if not description]
        elif isinstance(type_, GraphQLInputObjectType):
            undescribed += [f"{name}.{each}" for each, field in type_.fields.items() if not field.description]
        elif isinstance(type_, GraphQLEnumType):
            undescribed += [f"{name}.{each}" for each, value in type_.values.items() if not value.description]
    assert undescribed == []
