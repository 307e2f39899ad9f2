"""Tests of the dashboard and of GraphiQL, in a browser."""

from tests.support.install import make

make("integration")  # before any module of this package imports what it installs
