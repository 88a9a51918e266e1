"""The readings port on InfluxDB 2.

A reading is one point. InfluxDB overwrites silently where tags and time are the same, and cannot look a point up by an
id, so a register in Records (``reading_places``) says which place each id has. A place is claimed there first, then the
point is written; a place is never used twice, and a point at a place that does not stand counts nowhere.
"""
