"""Benchmarks: ``make bench BENCH=name SIZE=n``. Each ends with one line of JSON."""
