"""What rules judge beside a plain vital: changes, slopes, personal baselines, scores and composites, one number per reading."""
