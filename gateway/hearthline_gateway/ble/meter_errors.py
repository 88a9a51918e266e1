"""What a meter does wrong in a connection, in words for a technician: what happened and what to do next."""

from hearthline_gateway.errors import GatewayError


class MeterError(GatewayError):
    """The meter did not do what its profile promises."""


class HungUpError(MeterError):
    """The meter ended the connection while it was being asked."""

    def __init__(self) -> None:
        super().__init__(
            "The meter ended the connection before it had answered. What it told is kept and the rest is asked for at "
            "the next connection; if it stays so, bring it closer to the gateway and change its batteries."
        )


class NoAnswerError(MeterError):
    """The meter took a request and never answered it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(
            f"The meter took a request and did not answer within {seconds:g} s. It is asked again at the next "
            "connection; if it stays so, switch the meter off and on."
        )


class RecordsRefusedError(MeterError):
    """The meter does not hand out its stored records. ``answer`` is its reason in the profile's words."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        super().__init__(
            f"The meter refused to tell its stored measurements ({answer}). It is asked again at the next connection; "
            "if it stays so, check its model in the configuration and pair it again."
        )
