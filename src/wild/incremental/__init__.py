"""Incremental linking: docs/incremental.md tells how it works."""
