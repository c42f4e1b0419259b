"""What no reading sets off and the sweep judges: silence of what was prescribed, adherence, and devices that need a technician."""
