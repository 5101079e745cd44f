"""The type checker that the test run puts behind the package's annotations: beartype, with int passing as float."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
