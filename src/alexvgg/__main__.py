"""`python -m alexvgg`: the `alexvgg` command."""

from alexvgg.cli.main import main

main()
