from qgen.errors import QGenError
