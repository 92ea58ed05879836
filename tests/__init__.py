"""Packages below hold servers of their own."""
