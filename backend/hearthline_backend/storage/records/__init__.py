"""Records on SQLAlchemy: one repository module per concept, composed by the unit of work. All their SQL is here."""
