"""What was typed into the form of a plan and cannot be meant: what was expected there, and what to do next."""

from collections.abc import Sequence

from hearthline_backend.domain.adjusting import Override
from hearthline_backend.domain.limit_choices import LimitChoice
from hearthline_backend.domain.rules import Level, LimitOrderError, RuleError
from hearthline_backend.web.figures import plain_figure, unit_text
from hearthline_backend.web.language import _
from hearthline_backend.web.views.plan_changes import subject_text
from hearthline_backend.web.views.plan_form import number_of

_LONGEST = 40
"""Characters of a number that is repeated in an error."""


def no_number(choice: LimitChoice, typed: str) -> str:
    """For a limit that is no number at all."""
    value = choice.value if choice.value is not None else sum(choice.possible) / 2
    return _("{typed} is no number. Enter one in {unit}, such as {number}.").format(
        typed=typed[:_LONGEST], unit=unit_text(choice.unit), number=number_of(choice, value)
    )


def not_possible(choice: LimitChoice, typed: str, low: float, high: float) -> str:
    """For a limit outside of ``low`` to ``high``. Where nothing was typed, the number is the one of the rule itself."""
    unit = unit_text(choice.unit)
    if typed:
        said = _("{typed} {unit} is not possible here.").format(typed=typed[:_LONGEST], unit=unit)
    else:
        said = _("Empty goes back to {number} {unit}, which is not possible beside the other level.").format(
            number=number_of(choice, choice.value or 0), unit=unit
        )
    if low > high:
        then = _("Change the other level first: nothing is possible beside it.")
    else:
        then = _("Enter {low} to {high}.").format(low=number_of(choice, low), high=number_of(choice, high))
    return f"{said} {then}"


def no_percentage(typed: str) -> str:
    """For an end of the oxygen target."""
    if not typed:
        return _("Enter whole per cent, 80 to 100, such as 88, or empty all of the oxygen target.")
    words = _("{typed} is not possible here. Enter whole per cent, 80 to 100, such as 88.")
    return words.format(typed=typed[:_LONGEST])


def no_range(low: str, high: str) -> str:
    """For an oxygen target that ends before it begins."""
    words = _("{high} % does not lie above {low} %. Enter a higher number here, or a lower one to begin with.")
    return words.format(high=high, low=low)


def together(
    error: RuleError, choices: Sequence[LimitChoice], former: Sequence[Override]
) -> tuple[LimitChoice | None, str]:
    """For limits that are possible one by one, and not together: which of those that are not ``former`` is at fault, if
    one is, and the words for it. What nobody foresaw is told as the rules tell it."""
    if isinstance(error, LimitOrderError):
        about = [one for one in choices if one.place.field == error.field]
        if about:
            return _out_of_order(error, about, former)
    words = _("These limits cannot hold together: {detail}. Take the last change back, or choose another number.")
    return None, words.format(detail=error)


def _out_of_order(
    error: LimitOrderError, about: Sequence[LimitChoice], former: Sequence[Override]
) -> tuple[LimitChoice | None, str]:
    asked = {Level.YELLOW: error.yellow, Level.RED: error.red}
    new = (one for one in about if one.own is not None and one.own not in former)
    kind = next((one for one in about if one.unit == error.unit), about[0]).rule.kind
    words = _("{measure}: yellow at {yellow} would not come before red at {red}. Change one of the two.").format(
        measure=subject_text(kind, error.field),
        yellow=plain_figure(kind, error.field, error.yellow),
        red=plain_figure(kind, error.field, error.red),
    )
    return next((one for one in new if one.value == asked[one.place.level]), None), words


def refused(detail: object) -> str:
    """For a plan that was not written, though the form had nothing against it."""
    return _("The plan was not changed: {detail}. Open it again and repeat the change.").format(detail=detail)
