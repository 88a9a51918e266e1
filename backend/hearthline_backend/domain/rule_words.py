"""Rules and their evaluations in plain words: translatable phrases, and their English."""

from hearthline_backend.domain.evaluation_words import Answered, tell
from hearthline_backend.domain.phrases import Phrase, english
from hearthline_backend.domain.rule_description import asked_beside, conditions, describe

__all__ = ["Answered", "Phrase", "asked_beside", "conditions", "describe", "english", "tell"]
