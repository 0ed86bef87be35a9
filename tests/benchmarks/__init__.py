"""Measure the speed of the product: ``make bench`` starts the real server and measures it. Not here: tests that pass or
fail.
"""
