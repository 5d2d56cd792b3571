"""Benchmarks are run by hand: nothing here is a test, and nothing here is imported by pytest."""

collect_ignore_glob = ["*.py"]
