"""How each kind of rule looks at readings: one class a kind, fed reading by reading in order of effective time."""
