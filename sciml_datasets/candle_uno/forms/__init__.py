"""Raw forms of CANDLE-UNO, each read into the same tables."""
