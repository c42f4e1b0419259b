"""Benchmarks: ratios against a limit or a peer of the same run, never timed tests."""
