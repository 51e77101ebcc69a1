"""The kill matrix: each process broken at each step of an answer's way, and the promises held against what remains."""
