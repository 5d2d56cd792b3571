"""Tables of prices and kinds of arithmetic side by side: what a conclusion owes to the table that it came from."""
