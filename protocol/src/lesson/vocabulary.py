#!/usr/bin/env python3
"""Writes vocabulary.txt: ordinary English words by public frequency, most frequent first.

    vocabulary.py FREQUENCY WORDS LANGUAGE > vocabulary.txt

FREQUENCY is `frequency_dictionary_en_82_765.txt` of PyPI symspellpy 6.10.1 (word, count a line;
its README credits
Google Books Ngram, CC BY 3.0; the figures look like those of web text), WORDS is
`american-english-small` of Debian wamerican-small 2020.12.07-2 (SCOWL, free to use with its notice).
Only words which both hold in lower case are kept: that leaves out proper names. LANGUAGE is
language.txt beside this script: its words are no topics.
"""

import sys

SIZE = 5200

# Ordinary words of the trade that general text uses too seldom for the cut.
TRADE = """
archive archives audit backlog backup backups badge badges batch bearing billing calibrate
calibration catalog certificate certificates checksum checksums compress conveyor convert
converter coupon courier customs dashboard database deploy deployment deployments depot digest
discount dispatch export exports firmware fleet forecast forecasts freight gateway greenhouse
harbor humidity import incident incidents inspect inspection inventory invoice invoices kiln label
labels latency ledger ledgers levy lock log logs maintenance manifest manifests meter metric metrics
migrate migration orchard parcel parcels payroll pipeline postage pressure queue queues quota
radiator receipt receipts reconcile refund refunds register registry release releases rental
replica report reports roster rota rotate sample schedule schedules seal sensor sensors shipment
shipments shift snapshot snapshots spool stamp stocktake subscription survey tariff telemetry
temperature tenant tenants thermometer ticket tickets timesheet timesheets token transcript turbine
turnstile unit units unlock upload valve vehicle vendor vendors vessel voltage voucher vouchers
warehouse warehouses warranty workflow
""".split()

# Calendar words are values of a task, not topics; the words of LANGUAGE are in every task.
CALENDAR = """
january february march april may june july august september october november december
monday tuesday wednesday thursday friday saturday sunday
""".split()


def main() -> None:
    frequency, words, language = sys.argv[1:]
    with open(words, encoding="utf-8") as lines:
        ordinary = {line.strip() for line in lines}
    counts = {}
    with open(frequency, encoding="utf-8-sig") as lines:
        for line in lines:
            word, count = line.split()
            counts[word] = int(count)
    fits = lambda word: 3 <= len(word) <= 20 and word.isascii() and word.isalpha() and word.islower()
    ranked = sorted((w for w in counts if fits(w) and w in ordinary), key=lambda w: (-counts[w], w))
    kept = set(ranked[:SIZE]) | set(TRADE)
    kept -= set(CALENDAR)
    with open(language, encoding="utf-8") as lines:
        for line in lines:
            if not line.startswith("#"):
                kept -= set(line.split())
    print("# Ordinary English words by public frequency, most frequent first; made by vocabulary.py.")
    print("# Counts as shipped in PyPI symspellpy 6.10.1 (MIT), which credits Google Books Ngram (CC BY 3.0).")
    print("# Choice of words: SCOWL size 35 as in Debian wamerican-small 2020.12.07-2 (free, with notice:")
    print("# Copyright 2000-2018 Kevin Atkinson), and a short list of words of the trade.")
    for word in sorted(kept, key=lambda w: (-counts.get(w, 0), w)):
        print(word)


main()
