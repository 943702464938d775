from collections.abc import Mapping

from fastness.db.model import Model as Model
from fastness.kernel.because import Because as Because
from fastness.kernel.errors import ConfigError as ConfigError
from fastness.kernel.errors import DeniedError as DeniedError
from fastness.kernel.errors import FastnessError as FastnessError
from fastness.kernel.errors import InvalidInputError as InvalidInputError
from fastness.kernel.errors import TamperedError as TamperedError
from fastness.kernel.errors import UnavailableError as UnavailableError
from fastness.kernel.secret import Secret as Secret

HOMES: Mapping[str, str]
__version__: str
