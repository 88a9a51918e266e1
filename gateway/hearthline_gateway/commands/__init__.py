"""Remote work: carries out what a technician asks for, from the backend or beside the gateway."""
