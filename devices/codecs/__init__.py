"""Codecs: one module per payload format, each from bytes to `devices.decoded.Decoded`. None knows a patient."""
