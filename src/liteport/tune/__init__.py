"""tune: which form of a place is fastest on the machine at hand, or on another one.

`runner.py` measures files side by side, here or, copied beside them, on a device; `record.py` is what it leaves;
`key.py` says which places are alike; `tuner.py` decides by measuring or by a record; `kit.py` writes the files for a
device, and `decider.py` is what a conversion sees of all that.
"""
