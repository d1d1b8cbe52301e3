"""MurmurHash3, the 32 bit form and the 128 bit form for x64 (Austin Appleby, public domain)."""

from __future__ import annotations

from typing import Final

_MASK32: Final = 0xFFFFFFFF
_MASK64: Final = 0xFFFFFFFFFFFFFFFF


def _rotate(value: int, by: int, bits: int, mask: int) -> int:
    return ((value << by) | (value >> (bits - by))) & mask


def murmur3_32(data: bytes) -> int:
    """The 32 bit hash with seed 0.

    Example:
        >>> murmur3_32(b"hello")
        613153351
    """
    value = 0
    whole = len(data) // 4 * 4
    for index in range(0, whole, 4):
        value ^= _scrambled(int.from_bytes(data[index : index + 4], "little"))
        value = (_rotate(value, 13, 32, _MASK32) * 5 + 0xE6546B64) & _MASK32
    if whole < len(data):
        value ^= _scrambled(int.from_bytes(data[whole:], "little"))
    value ^= len(data)
    value = (value ^ value >> 16) * 0x85EBCA6B & _MASK32
    value = (value ^ value >> 13) * 0xC2B2AE35 & _MASK32
    return value ^ value >> 16


def _scrambled(block: int) -> int:
    return _rotate(block * 0xCC9E2D51 & _MASK32, 15, 32, _MASK32) * 0x1B873593 & _MASK32


_C1: Final = 0x87C37B91114253D5
_C2: Final = 0x4CF5AD432745937F


def _low(block: int) -> int:
    return _rotate(block * _C1 & _MASK64, 31, 64, _MASK64) * _C2 & _MASK64


def _high(block: int) -> int:
    return _rotate(block * _C2 & _MASK64, 33, 64, _MASK64) * _C1 & _MASK64


def _final(value: int) -> int:
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & _MASK64
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 & _MASK64
    return value ^ value >> 33


def murmur3_128(data: bytes) -> str:
    """The 128 bit hash as the plugin writes it: with seed 2, both halves in hexadecimal, low byte first.

    Example:
        >>> murmur3_128(b"hello")
        '648a66fb923498d0ddfbffbb29aa9d64'
    """
    one = two = 2
    whole = len(data) // 16 * 16
    for index in range(0, whole, 16):
        one ^= _low(int.from_bytes(data[index : index + 8], "little"))
        one = ((_rotate(one, 27, 64, _MASK64) + two) * 5 + 0x52DCE729) & _MASK64
        two ^= _high(int.from_bytes(data[index + 8 : index + 16], "little"))
        two = ((_rotate(two, 31, 64, _MASK64) + one) * 5 + 0x38495AB5) & _MASK64
    tail = data[whole:]
    if len(tail) > 8:
        two ^= _high(int.from_bytes(tail[8:], "little"))
    if tail:
        one ^= _low(int.from_bytes(tail[:8], "little"))
    one, two = one ^ len(data), two ^ len(data)
    one = (one + two) & _MASK64
    two = (two + one) & _MASK64
    one, two = _final(one), _final(two)
    one = (one + two) & _MASK64
    two = (two + one) & _MASK64
    return (one.to_bytes(8, "little") + two.to_bytes(8, "little")).hex()
