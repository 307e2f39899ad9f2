from __future__ import annotations

import strawberry

import resolvers.viewer


@strawberry.type(description="Who asks: the user of the token.")
class Viewer:
    id: strawberry.ID = strawberry.field(description="The user's id.")


@strawberry.type
class ViewerQuery:
    viewer = strawberry.field(
        resolver=resolvers.viewer.viewer, graphql_type=Viewer, description="Who asks: the user of the token."
    )
