"""Commands run in processes of their own, because signals and exit codes exist only there."""

from children import start as start
from said import said as said
