"""Benchmarks. Each prints its rows against an aim; with ``--json`` it prints ``{"rows": [...]}`` and nothing else."""
