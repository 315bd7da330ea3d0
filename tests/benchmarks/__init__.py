"""Measurements that the README quotes: ``python -m tests.benchmarks [FOLDER]``."""
