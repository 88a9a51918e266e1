"""Pure decisions: rules, plans, episodes, schedules. No I/O, no clock; standard library and the contract only."""
