"""The gateway's local socket: how a command beside the gateway reaches the one that runs."""
