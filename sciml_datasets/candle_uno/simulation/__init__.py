"""Simulated raw files of CANDLE-UNO."""
