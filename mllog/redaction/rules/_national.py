"""Identifiers that a country gives to a person."""

from __future__ import annotations

from typing import Final

from mllog.redaction.rules._rule import Rule

_NATIONAL_NAMES: Final = (
    "nino|national insurance|dni|nie|nif|aadhaar|aadhar|cpf|cnpj|sin|nir|insee|bsn|pesel|steuer-?id|steuer-?nummer|personnummer"
    "|passport|passeport|ssn|social security|tax id|codice fiscale"
)
NATIONAL: Final = (
    Rule(
        "national_id",
        "national_id",
        rf"(?i)((?<![A-Za-z])(?:{_NATIONAL_NAMES})(?:[ _-]?(?:number|nummer|num|no|nr|id))?"
        r"(?>[ :=#.]{1,3}(?:is |was )?|[\"'❞]\s{0,2}[:=]\s{0,3}[\"'❞]))"
        r"(?![0-9]+[.][0-9]+(?![0-9.-]))(?=[A-Z]{0,5}(?:[ ./-]?[A-Z]{0,3}[0-9]){6})"
        r"[A-Z]{0,5}(?>(?:[ ./-]?[A-Z]{0,3}[0-9]){6,20})(?:[ -]?[A-Z])?(?![0-9A-Za-z])",
        (*tuple(word.replace("-?", "") for word in _NATIONAL_NAMES.split("|")), "steuer-id", "steuer-nummer"),
        test=r"[0-9][ ./-]?[0-9]",
        replacement=r"\1[REDACTED:national_id]",
        examples_match=(
            "NINO QQ 12 34 56 C on file",
            "DNI 12345678Z",
            "CPF 123.456.789-09",
            "SIN 046 454 286 entered",
            "aadhaar 2341 2341 2346 verified",
            "personnummer 811228-9874",
            "NIE X1234567L",
            "passport C01X00T47 scanned",
        ),
        examples_no_match=(
            "sin 0.123456789",
            "hour_sin=0.98",
            "passport 2 of 12",
            "nir: 0.43212345",
            "cousin 12345678",
        ),
    ),
    Rule(
        "cpf",
        "national_id",
        r"[0-9]{3}\.(?<![0-9.]....)[0-9]{3}\.[0-9]{3}-[0-9]{2}(?![0-9])",
        ("000.000.000-00",),
        check="cpf",
        examples_match=("cliente 123.456.789-09",),
        examples_no_match=("123.456.789", "1.123.456.789-09"),
    ),
    Rule(
        "cnpj",
        "national_id",
        r"[0-9]{2}\.(?<![0-9.]...)[0-9]{3}\.[0-9]{3}/[0-9]{4}-[0-9]{2}(?![0-9])",
        (".000/0000-00",),
        check="cnpj",
        examples_match=("11.222.333/0001-81",),
        examples_no_match=("11.222.333/2024",),
    ),
    Rule(
        "insee",
        "national_id",
        r"[12](?<![0-9A-Za-z.+-].) ?[0-9]{2} ?(?:0[1-9]|1[0-2]) ?[0-9][0-9AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}(?![0-9A-Za-z])(?!\.[0-9])",
        ("0" * 15, "0 00 00 00 000 000 00", "0" * 13 + " 00"),
        check="insee",
        where="process",
        examples_match=("1 84 12 76 451 089 46", "184127645108946"),
        examples_no_match=("0.184127645108946", "18412764510894"),
    ),
    Rule(
        "passport_lines",
        "national_id",
        r"P<[A-Z][A-Z<]{4,43}(?:(?:␍?␊|\r?\n|␛+n| )[A-Z0-9<]{28,44})?",
        ("p<",),
        examples_match=("P<UTOVIK<<SUSANNA<<<<<<<<<<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10",),
        examples_no_match=("if p<0.05", "P<x>"),
    ),
    Rule(
        "mac",
        "mac",
        r"[0-9A-Fa-f]{2}[:-](?<![0-9A-Za-z:.-]...)(?:(?<=:)(?:[0-9A-Fa-f]{2}:){4}|(?=[0-9-]{0,14}[A-Fa-f])(?:[0-9A-Fa-f]{2}-){4})[0-9A-Fa-f]{2}(?![0-9A-Za-z:-])",
        test="[:-][0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-]",
        examples_match=("device 00:1B:44:11:3A:B7 joined", "00-1b-44-11-3a-b7"),
        examples_no_match=("00:12:33", "2001:db8:1b7b:6a13:2559:8e81", "2026-11-25-10-22-33", "01-02-03-04-05-06-07"),
    ),
)
