"""The values that unquoted words of a YAML document stand for: null, truth values, numbers or strings."""

import math
import re

_NULL = {"", "~", "null", "Null", "NULL"}
_TRUE = {word for name in ("yes", "true", "on") for word in (name, name.capitalize(), name.upper())}
_FALSE = {word for name in ("no", "false", "off") for word in (name, name.capitalize(), name.upper())}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9_]*|0x[0-9a-fA-F]+)")
FLOAT = re.compile(r"[-+]?([0-9][0-9_]*(\.[0-9_]*([eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)|\.[0-9]+([eE][-+]?[0-9]+)?)")
_NOT_FINITE = re.compile(r"(?P<sign>[-+]?)\.(?P<kind>inf|nan)", re.IGNORECASE)


def scalar(text: str) -> object:
    """Return the value of an unquoted word. Raises ValueError for a number that 64 bits can't hold."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INTEGER.fullmatch(text):
        number = int(text.replace("_", ""), 16 if "x" in text else 10) if len(text) < 100 else math.inf
        if abs(number) >= 1 << 63:
            raise ValueError(text)
        return number
    if FLOAT.fullmatch(text):
        value = float(text.replace("_", ""))
        if math.isinf(value):
            raise ValueError(text)
        return value
    if found := _NOT_FINITE.fullmatch(text):
        return float(f"{found['sign']}{found['kind']}")
    return text
