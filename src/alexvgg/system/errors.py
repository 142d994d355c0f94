"""Every error that this project raises for a person to read, and its exit code.

A message says what was found, what is allowed and what to do, in one line.
"""


class AlexvggError(Exception):
    """Base of all errors with a message for people; itself for what fits none of them."""

    exit_code = 1


class ParamsError(AlexvggError):
    """`params.yaml` cannot be used as it stands."""

    exit_code = 2


class DataError(AlexvggError):
    """An archive or array is missing, damaged or not the expected one."""

    exit_code = 3


class TrainingError(AlexvggError):
    """Training cannot go on."""

    exit_code = 4


class TrackingError(AlexvggError):
    """The tracking server or its database cannot be used."""

    exit_code = 5


class EnvironmentProblem(AlexvggError):
    """The machine or the installation lacks something."""

    exit_code = 6


class ChangedMeanwhile(AlexvggError):
    """A source file or parameter changed while a stage computed with it."""

    exit_code = 7


class NetworkError(AlexvggError):
    """A network cannot be trained as it is written."""

    exit_code = 8


class CheckpointUnusable(TrainingError):
    """The checkpoints of this work are damaged, or another environment's."""

    exit_code = 9


class Interrupted(AlexvggError):
    """Somebody asked the process to end, and it did, with its state kept."""

    exit_code = 130
