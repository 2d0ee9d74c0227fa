"""choose: equal forms of what a graph computes, and which of them the file gets.

`rule.py` says what a rule is, `rules.py` lists them all, `choose.py` is the pass that asks them, `cut.py` takes a
place out of its graph, so that its forms can be run beside each other.
"""
