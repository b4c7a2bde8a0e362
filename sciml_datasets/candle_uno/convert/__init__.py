"""Conversion of other drug response studies to raw data of CANDLE-UNO."""
