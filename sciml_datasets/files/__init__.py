"""Files of this project and of others: written whole, read checked."""
