"""The contract of every registered space: `CASES` are functions of a space that raise if the space breaks it."""

import choice_cases as choice_cases
import network_cases as network_cases
from cases import CASES as CASES
from cases import Case as Case
