"""The study of docs/study.md: what each choice of the paper brings, measured one at a time."""
