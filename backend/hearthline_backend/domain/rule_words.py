"""Rules and their evaluations in plain words: translatable phrases, and their English."""

from hearthline_backend.domain.evaluation_words import tell
from hearthline_backend.domain.phrases import Phrase, english
from hearthline_backend.domain.rule_description import describe

__all__ = ["Phrase", "describe", "english", "tell"]
