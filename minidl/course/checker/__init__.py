"""From a student's file to its verdict.

| file | holds |
|---|---|
| `judging` | the stages in order; the first failure and its sentence |
| `reading` | the file as a text |
| `isolate`, `running` | a process of its own, and what happens in it |
| `compared`, `causes`, `faults`, `fingerprints` | what is right; why something is wrong; which mistake it is |
| `cost` | what a right solution moves, beside its par |
| `results` | what is shown |
"""
