"""python -m liteport"""

from liteport.cli.main import main

main()
