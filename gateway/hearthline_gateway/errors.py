"""One base for every error of the gateway. Each carries data, not only prose, and says what to do next."""


class GatewayError(Exception):
    """Anything the gateway itself found wrong; the message is fit for a technician."""
