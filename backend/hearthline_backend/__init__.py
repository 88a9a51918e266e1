"""The service: stores readings, judges them against each patient's plan, and sees to it that a person acts."""
