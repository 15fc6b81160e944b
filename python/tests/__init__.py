"""Tests of the worker; from the repository's root:

    python3 -m unittest discover -s python/tests -t python
"""
