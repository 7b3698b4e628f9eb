"""`python -m jararaca` is the `jararaca` command."""

from jararaca.cli.main import main

main()
