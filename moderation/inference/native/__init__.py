"""BERT encoders in C++ for processors with AMX: compiled when the package is installed, called through ctypes."""
