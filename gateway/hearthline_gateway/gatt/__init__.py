"""Hop 2: what a meter's bytes say, in the words of the Bluetooth profile that defines them.

Pure: standard library and ``hearthline_protocol`` only. A frame becomes a measurement or one ``DecodeError`` that names
what is missing; whether the number makes sense is nobody's business here.
"""
