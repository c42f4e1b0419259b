"""What no reading sets off and the sweep judges: what was prescribed and does not come, adherence, devices at fault."""
