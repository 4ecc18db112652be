"""What `make k8s-check` checks: one module per kind of check, each with one function `check`.

A check takes the `Subject`, what there is to check, and yields a `Finding` for each mistake. It
raises `MissingProgramError` where a program that it runs is not installed.
"""
