"""Hop 5: from the outbox to the backend over MQTT 5, until a receipt names every reading.

``link`` is the only importer of paho in the gateway, ``schedule`` decides what goes next, ``uplink`` joins the two.
"""
