"""The detection study: seeded people, episodes and confounders, and what the shipped rules make of them.

The simulator knows nothing of rules and imports nothing of `alerts`; only `judge.py` does.
"""
