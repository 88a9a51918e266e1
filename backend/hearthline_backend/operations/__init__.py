"""How the service is watched and stopped: figures, readiness, and an end that leaves nothing half done."""
