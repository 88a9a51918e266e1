"""The contract between the home and the backend: kinds, readings, messages, topics, identity.

Imports pydantic and nothing of ours, so that either side can be replaced by an independent implementation.
"""
