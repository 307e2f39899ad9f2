"""Tests with the clients that people use."""

from tests.support.install import make

make("integration")  # before any module of this package imports what it installs
