"""What is measured, and how: each benchmark is a ratio of two things that take turns in one run."""
