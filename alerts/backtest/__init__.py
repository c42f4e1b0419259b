"""Rules over history before they go live, and what live rules were worth: backtests, rule tests and scorecards."""
