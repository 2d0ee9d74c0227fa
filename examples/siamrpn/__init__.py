"""SiamRPN, a tracker: one network with two entry points."""
