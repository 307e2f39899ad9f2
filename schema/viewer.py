from __future__ import annotations

import strawberry

import resolvers.viewer


@strawberry.type(description="The authenticated user: the subject of the token.")
class Viewer:
    id: strawberry.ID = strawberry.field(description="The id of the user.")


@strawberry.type
class ViewerQuery:
    viewer = strawberry.field(
        resolver=resolvers.viewer.viewer, graphql_type=Viewer, description="The authenticated user."
    )
