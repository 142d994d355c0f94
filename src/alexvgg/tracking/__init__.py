"""MLflow, as a view of what is on disk: the only part of this package that imports it.

A training writes a journal; a second process reads it and sends it on (`follower`, `follow`). So a slow or
dead server costs a training nothing, and `alexvgg sync` sends later what did not arrive.
"""
