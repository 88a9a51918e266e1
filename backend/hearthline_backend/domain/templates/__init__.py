"""Condition templates: what a plan starts from, each limit with its source.

Limits are chosen to keep alerts few and true: a red needs one reading only where waiting would be worse, a yellow needs
two of the last three, a trend, or a week's average.
"""

from hearthline_backend.domain.adjusting import Decided, Override, OxygenTarget
from hearthline_backend.domain.templates.building import TEMPLATES, build_plan, template_named
from hearthline_backend.domain.templates.hypertension import HYPERTENSION
from hearthline_backend.domain.templates.template import Template

__all__ = [
    "HYPERTENSION",
    "TEMPLATES",
    "Decided",
    "Override",
    "OxygenTarget",
    "Template",
    "build_plan",
    "template_named",
]
