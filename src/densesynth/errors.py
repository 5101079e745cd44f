"""Every error a user can cause, in one small tree.

The command line prints the message of a `DensesynthError` as one line and leaves with a non-zero status; anything
else is a defect of ours and keeps its traceback. A message says what was expected, what was found, in which file,
and what to do.
"""


class DensesynthError(Exception):
    """Base of every error that is the user's to mend."""


class ConfigurationError(DensesynthError):
    """A recipe or an option that can't be used: unknown key, value out of range, unreadable file."""


class AssetError(DensesynthError):
    """A file the user brought (picture, body, motion) that can't be used."""


class CameraError(DensesynthError):
    """A camera whose lens folds the picture over itself, or that has no valid image."""


class DatasetError(DensesynthError):
    """An output folder or a dataset that can't be read, written or continued."""


class DeviceError(DensesynthError):
    """A compute device that was asked for and isn't there."""


class TrainingError(DensesynthError):
    """A training run that can't go on."""
